import { decodeText, parseUint } from './decode.js';

/** `Infinity` where the kernel prints `unlimited`. */
export interface Limit {
  readonly soft: number;
  readonly hard: number;
}

/** Sixteen lines of 80 characters: proc_pid_limits in fs/proc/base.c. */
const MAX_LIMITS_BYTES = 4096;

/** `Max open files` of `/proc/PID/limits` (proc_pid_limits(5)), or `undefined` when there is not exactly one such line. */
export function parseOpenFilesLimit(bytes: Uint8Array): Limit | undefined {
  const text = decodeText(bytes, MAX_LIMITS_BYTES);
  const lines = text?.split('\n').filter((line) => line.startsWith('Max open files ')) ?? [];
  const fields = lines.length === 1 ? /^Max open files +([0-9]+|unlimited) +([0-9]+|unlimited) +files *$/.exec(lines[0] ?? '') : null;
  const soft = valueOf(fields?.[1]);
  const hard = valueOf(fields?.[2]);
  return soft === undefined || hard === undefined || soft > hard ? undefined : { soft, hard };
}

function valueOf(word: string | undefined): number | undefined {
  return word === 'unlimited' ? Number.POSITIVE_INFINITY : parseUint(word);
}
