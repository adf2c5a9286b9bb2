import koffi from 'koffi';
import { bindLibc, type Libc } from '../../dist/ffi/libc.js';
import { ERRNO, type ErrnoName } from '../../dist/ffi/errno.js';
import { compiled } from './compile.js';

/** The numbers of `lies` in the stand-in: the options of SOL_LOCAL and a flavor are their own. */
export const QUESTION = { PEERCRED: 1, PEERPID: 2, PEEREPID: 3, PEERUUID: 4, PEERTOKEN: 6, PIDINFO: 17, PIDPATH: 100, CS_STATUS: 200, CS_CDHASH: 205, CS_IDENTITY: 211, CS_TEAMID: 214, CS_CATEGORY: 217, SOCKNAME: 300, KEVENT: 301, KQUEUE: 302 } as const;

/**
 * libSystem's stand-in, loaded by the binding code of this package in libSystem's place, and what it is told to answer
 * instead of the truth. It proves sizes, offsets and the flow through koffi, and nothing of how Darwin behaves.
 */
export class StandIn {
  readonly libc: Libc;
  readonly #lie: (question: number, skip: number, error: number, bytes: Uint8Array | null, length: number) => void;
  readonly #honest: () => void;

  constructor(system: 'macos-11' | 'before-macos-11' = 'macos-11') {
    const path = compiled('standin/libsystem', `${system}.so`, ['-shared', '-fPIC', ...(system === 'macos-11' ? [] : ['-DBEFORE_MACOS_11'])]);
    this.libc = bindLibc(path);
    const library = koffi.load(path);
    this.#lie = library.func('void standin_lie(int, int, int, void *, int)') as never;
    this.#honest = library.func('void standin_honest()') as never;
  }

  /** Fails that question with Darwin's number of `errno`, after `skip` honest answers. */
  fail(question: number, errno: ErrnoName, skip = 0): void {
    this.#lie(question, skip, ERRNO[errno], null, 0);
  }

  /** Answers that question with these bytes, after `skip` honest answers. */
  answer(question: number, bytes: Uint8Array, skip = 0): void {
    this.#lie(question, skip, 0, bytes, bytes.length);
  }

  honest(): void {
    this.#honest();
  }
}
