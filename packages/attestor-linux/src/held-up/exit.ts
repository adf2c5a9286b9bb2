import { libc } from '../ffi/libc.js';

let stuck = 0;
let watched = false;

/** Counts threads that a process may hold up for good. Node waits for its threads at the end: with one of these, it does not. */
export function countStuck(change: 1 | -1): void {
  stuck += change;
  if (watched) return;
  watched = true;
  process.once('exit', (code) => { if (stuck > 0) libc()._exit(code); });
}
