import { readFileSync, readlinkSync } from 'node:fs';

/** What became of a thread of ours until now. Nobody can make us wait for `/proc/self/task`. */
export interface ThreadLife {
  /** It runs, or waits for a processor and for nothing else: so does one that was woken, or whose group has used up its quota. */
  readonly runnable: boolean;
  readonly processorMs: number;
  /** How often it gave its processor away, to wait for something. */
  readonly sleeps: number;
}

/** The id of the calling thread, in the pid namespace of `/proc`. */
export function ownThreadId(): number | undefined {
  try {
    return Number(/\/task\/([0-9]+)$/.exec(readlinkSync('/proc/thread-self'))?.[1] ?? Number.NaN) || undefined;
  } catch {
    return undefined; // no /proc, or that of a namespace that we are not in
  }
}

/** Undefined where it cannot be told. */
export function lifeOf(threadId: number | undefined): ThreadLife | undefined {
  if (threadId === undefined) return undefined;
  const folder = `/proc/self/task/${String(threadId)}`;
  try {
    // State, and user and system time, as fields 3, 14 and 15 of proc_pid_stat(5): behind a name, which may hold anything.
    const stat = /^.*\) ([A-Za-z])(?: -?[0-9]+){10} ([0-9]+) ([0-9]+) /s.exec(readFileSync(`${folder}/stat`, 'latin1'));
    const sleeps = /^voluntary_ctxt_switches:\t([0-9]+)$/m.exec(readFileSync(`${folder}/status`, 'latin1'));
    if (stat === null || sleeps === null) return undefined;
    return { runnable: stat[1] === 'R', processorMs: (Number(stat[2]) + Number(stat[3])) * TICK_MS, sleeps: Number(sleeps[1]) };
  } catch {
    return undefined;
  }
}

/** USER_HZ, which is 100 on every architecture that we know. */
const TICK_MS = 10;
