import assert from 'node:assert/strict';
import { ERANGE } from '../../dist/ffi/errno.js';
import { libc } from '../../dist/ffi/libc.js';

type Call = (...args: unknown[]) => unknown;

/**
 * Calls `hook` before every system call that the package makes, with its number counted from 1 and its name; returns how
 * to stop. What a peer does between two looks is then done at a known place.
 */
export function interceptCalls(hook: (count: number, name: string, args: unknown[]) => void): () => void {
  const functions = libc() as unknown as Record<string, Call>;
  const saved = { ...functions };
  let count = 0;
  let inside = false;
  for (const [name, call] of Object.entries(saved)) {
    if (name === 'errno' || name === 'addressOf') continue;
    functions[name] = (...args) => {
      if (!inside) {
        inside = true;
        try {
          hook((count += 1), name, args);
        } finally {
          inside = false;
        }
      }
      return call(...args);
    };
  }
  return () => { Object.assign(functions, saved); };
}

/** Runs `act` with the calls intercepted, and says how many there were. */
export async function countCalls(act: () => Promise<unknown>): Promise<number> {
  let most = 0;
  const stop = interceptCalls((count) => { most = count; });
  try {
    await act();
    return most;
  } finally {
    stop();
  }
}

/** The same of a look at the image of the process `pid`, which has to be behind this very door: no worker's. */
export async function countImageCalls(pid: number, act: () => Promise<unknown>): Promise<number> {
  const maps = Buffer.from(`/proc/${String(pid)}/maps\0`);
  let most = 0;
  let looked = false;
  const stop = interceptCalls((count, name, args) => {
    most = count;
    looked ||= name === 'openat' && args[1] instanceof Uint8Array && maps.equals(args[1]);
  });
  await act().finally(stop);
  assert.ok(looked, 'no call opened the maps of the process');
  return most;
}

/** Has `setsockopt` fail for one option, as a kernel without it does. */
export function failOption(option: number, failure: number): () => void {
  const functions = libc() as unknown as Record<string, Call>;
  const { setsockopt, errno } = functions as Record<'setsockopt' | 'errno', Call>;
  let failed: number | undefined;
  functions['setsockopt'] = (...args) => {
    failed = args[2] === option ? failure : undefined;
    return failed === undefined ? setsockopt(...args) : -1;
  };
  functions['errno'] = () => {
    const answer = failed ?? errno();
    failed = undefined;
    return answer;
  };
  return () => { Object.assign(functions, { setsockopt, errno }); };
}

/** Answers one socket option with an error, or with these bytes, as another kernel or module would. */
export function answerOption(option: number, answer: number | Uint8Array): () => void {
  const functions = libc() as unknown as Record<string, Call>;
  const { getsockopt, errno } = functions as Record<'getsockopt' | 'errno', Call>;
  let failed: number | undefined;
  functions['getsockopt'] = (fd, level, asked, memory, length) => {
    failed = undefined;
    if (asked !== option) return getsockopt(fd, level, asked, memory, length);
    const room = length as Int32Array;
    if (typeof answer === 'number') failed = answer;
    else if ((room[0] ?? 0) < answer.length) {
      failed = ERANGE;
      room[0] = answer.length;
    } else {
      (memory as Uint8Array).set(answer);
      room[0] = answer.length;
      return 0;
    }
    return -1;
  };
  functions['errno'] = () => failed ?? errno();
  return () => { Object.assign(functions, { getsockopt, errno }); };
}
