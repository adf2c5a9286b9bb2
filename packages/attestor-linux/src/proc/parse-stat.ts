import { asBuffer, MAX_PID, parseUint } from './decode.js';

/** The fields of `/proc/PID/stat` that tell one process from the next. */
export interface ProcStat {
  readonly pid: number;
  /** Bytes of the peer's choosing, a newline included (Linux 6.18 escapes none here): never decoded here (I11). */
  readonly commBytes: Uint8Array;
  /** One letter: `R`, `S`, `D`, `Z`, `T`, `t`, `X`, `I` … */
  readonly state: string;
  /** 0 where the parent is outside our pid namespace. */
  readonly ppid: number;
  /** Field 22: clock ticks after boot at which the process started. With the pid it names a process. */
  readonly startTimeTicks: number;
}

/** 52 fields of at most 20 digits, and a comm of at most 64 bytes, all of them escaped. */
const MAX_STAT_BYTES = 4096;

/** Counted from the first field after `)`, which is field 3 of proc_pid_stat(5). */
const STATE = 0;
const PPID = 1;
const START_TIME = 19;

/**
 * `/proc/PID/stat` (proc_pid_stat(5), do_task_stat in fs/proc/array.c), or `undefined` when it has not that shape.
 * comm may hold anything, `) R 1 1` included, and is closed by the *last* `)`: only numbers follow it.
 */
export function parseStat(bytes: Uint8Array): ProcStat | undefined {
  if (bytes.byteLength > MAX_STAT_BYTES) return undefined;
  const buffer = asBuffer(bytes);
  const open = buffer.indexOf(' (');
  const close = buffer.lastIndexOf(') ');
  if (open < 1 || close < open + 2 || buffer.at(-1) !== 0x0a) return undefined;
  const pid = parseUint(buffer.toString('latin1', 0, open), MAX_PID);
  const fields = buffer.toString('latin1', close + 2, buffer.length - 1).split(' ');
  // Later kernels append fields, none ever moved one. All are numbers, so that what is cut short or glued on is seen.
  if (fields.length < 20 || !fields.every((field, index) => (index === STATE ? /^[A-Za-z]$/ : /^-?[0-9]{1,20}$/).test(field))) {
    return undefined;
  }
  const state = fields[STATE];
  const ppid = parseUint(fields[PPID], MAX_PID);
  const startTimeTicks = parseUint(fields[START_TIME]);
  if (pid === undefined || state === undefined || ppid === undefined || startTimeTicks === undefined) return undefined;
  return { pid, commBytes: buffer.subarray(open + 2, close), state, ppid, startTimeTicks };
}
