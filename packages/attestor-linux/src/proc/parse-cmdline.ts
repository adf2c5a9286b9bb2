import { decodeText } from './decode.js';

/** As long as one argument may be (MAX_ARG_STRLEN, linux/binfmts.h), for all of them. */
const MAX_CMDLINE_BYTES = 128 * 1024;
const MAX_ARGUMENTS = 4096;

/**
 * The arguments of `/proc/PID/cmdline` (proc_pid_cmdline(5)), each ended by a NUL; `[]` of a zombie or a kernel thread;
 * `undefined` when they are too long, too many or not UTF-8. Give it the whole file: one cut short looks whole.
 *
 * A process writes there what it likes (setproctitle), so this is peer-asserted, and a title without its NUL is one argument.
 */
export function parseCmdline(bytes: Uint8Array): readonly string[] | undefined {
  const text = decodeText(bytes, MAX_CMDLINE_BYTES);
  if (text === undefined) return undefined;
  if (text === '') return [];
  const args = (text.endsWith('\0') ? text.slice(0, -1) : text).split('\0', MAX_ARGUMENTS + 1);
  return args.length > MAX_ARGUMENTS ? undefined : args;
}
