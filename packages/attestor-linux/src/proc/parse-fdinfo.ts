import { decodeText, MAX_PID, parseUint } from './decode.js';

/** The process of a pidfd, as the pid namespace of our /proc sees it. */
export type PidfdProcess =
  /** Alive, or dead and not yet reaped. */
  | { readonly state: 'pinned'; readonly pid: number }
  /** Dead and reaped: `Pid: -1`. Its number may by now be another's. */
  | { readonly state: 'reaped' }
  /** In a pid namespace that ours does not contain: `Pid: 0`. */
  | { readonly state: 'invisible' };

const MAX_FDINFO_BYTES = 16 * 1024;

/** The `Pid:` line of `/proc/self/fdinfo/<pidfd>` (pidfd_show_fdinfo in fs/pidfs.c), or `undefined` when there is not exactly one. */
export function parsePidfdInfo(bytes: Uint8Array): PidfdProcess | undefined {
  const text = decodeText(bytes, MAX_FDINFO_BYTES);
  if (text?.endsWith('\n') !== true) return undefined;
  const lines = text.split('\n').filter((line) => line.startsWith('Pid:'));
  const word = /^Pid:\t(-?[0-9]+)$/.exec(lines[0] ?? '')?.[1];
  if (lines.length !== 1 || word === undefined) return undefined;
  if (word === '-1') return { state: 'reaped' };
  const pid = parseUint(word, MAX_PID);
  if (pid === undefined) return undefined;
  return pid === 0 ? { state: 'invisible' } : { state: 'pinned', pid };
}
