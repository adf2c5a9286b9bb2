import { ERANGE } from '../../dist/ffi/errno.js';
import { libc } from '../../dist/ffi/libc.js';

/** What one socket option answers, each time that it is asked for. */
export type OptionAnswer =
  | { readonly errno: number }
  /** These bytes, as far as there is room, and this length; `tooSmall`: however much room there is, it is not enough. */
  | { readonly given: Uint8Array; readonly says: number; readonly tooSmall?: boolean }
  /** A descriptor that is made for the answer. */
  | { readonly open: () => number };

type Call = (...args: unknown[]) => unknown;

/** Answers these options in the kernel's stead until it is stopped, and counts how often. */
export function fuzzOptions(answers: ReadonlyMap<number, OptionAnswer>): { readonly calls: number; stop: () => void } {
  const door = libc() as unknown as Record<string, Call>;
  const { getsockopt, errno } = door as Record<'getsockopt' | 'errno', Call>;
  let failed: number | undefined;
  const counted = { calls: 0, stop: () => { Object.assign(door, { getsockopt, errno }); } };
  door['getsockopt'] = (...args) => {
    failed = undefined;
    const [, , option, memory, length] = args as [number, number, number, Uint8Array, Int32Array];
    const answer = answers.get(option);
    if (answer === undefined) return getsockopt(...args);
    counted.calls += 1;
    if ('errno' in answer) {
      failed = answer.errno;
      return -1;
    }
    const given = 'open' in answer ? new Uint8Array(Int32Array.of(answer.open()).buffer) : answer.given;
    const room = length[0] ?? 0;
    length[0] = 'open' in answer ? given.length : answer.says;
    if ('given' in answer && (answer.tooSmall === true || (answer.says === given.length && given.length > room))) {
      failed = ERANGE;
      return -1;
    }
    const memoryBytes = new Uint8Array(memory.buffer, memory.byteOffset, Math.min(room, memory.byteLength));
    memoryBytes.set(given.subarray(0, memoryBytes.length));
    return 0;
  };
  door['errno'] = () => failed ?? errno();
  return counted;
}
