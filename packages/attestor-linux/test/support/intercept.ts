import { libc } from '../../dist/ffi/libc.js';

type Call = (...args: unknown[]) => unknown;

/**
 * Calls `hook` before every system call that the package makes, with its number counted from 1 and its name; returns how
 * to stop. What a peer does between two looks is then done at a known place.
 */
export function interceptCalls(hook: (count: number, name: string, args: readonly unknown[]) => void): () => void {
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
