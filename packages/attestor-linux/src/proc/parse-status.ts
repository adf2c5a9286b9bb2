import { capabilityNames } from './capability-names.js';
import { latin1Text, MAX_PID, MAX_U32, MOST_GROUPS, parseUint } from './decode.js';

/** Real, effective, saved, file system: the order of the `Uid:` and `Gid:` lines. */
export type Ids = readonly [real: number, effective: number, saved: number, filesystem: number];

/** Names (`cap_net_admin`), lowest bit first. */
export interface CapabilitySets {
  readonly inheritable: readonly string[];
  readonly permitted: readonly string[];
  readonly effective: readonly string[];
  readonly bounding: readonly string[];
  /** Linux 4.3. */
  readonly ambient: readonly string[] | undefined;
}

export type SeccompMode = 'disabled' | 'strict' | 'filter';

/** What `/proc/PID/status` says of a process. A line that this kernel does not print is `undefined`, never a default. */
export interface ProcStatus {
  readonly pid: number;
  readonly tgid: number;
  readonly ppid: number;
  /** 0: nobody traces it (or a tracer outside our pid namespace). */
  readonly tracerPid: number;
  readonly uids: Ids;
  readonly gids: Ids;
  /** Not decoded beyond `MOST_GROUPS`. */
  readonly groups: readonly number[] | 'too-many';
  readonly threads: number;
  readonly capabilities: CapabilitySets;
  /** Linux 4.10. */
  readonly noNewPrivs: boolean | undefined;
  /** Linux 3.8, with CONFIG_SECCOMP. */
  readonly seccomp: SeccompMode | undefined;
  /** How many pid namespaces the process is in, counted from ours: 1 is ours, 2 a child of it (`NSpid:`, Linux 4.1). */
  readonly pidNamespaceDepth: number | undefined;
}

const SECCOMP_MODES: readonly SeccompMode[] = ['disabled', 'strict', 'filter'];

/** `4294967295 `: no group is longer. */
const LONGEST_GROUP = 11;

/**
 * `/proc/PID/status` (proc_pid_status(5), fs/proc/array.c), or `undefined` when it has not that shape.
 *
 * `Name:` is the one line of the peer's choosing: 15 bytes, enough for a newline and a `Uid:` line. The kernel escapes newline
 * and backslash there; should one not, the text has a line twice, and a text with a line twice is refused whole.
 */
export function parseStatus(bytes: Uint8Array): ProcStatus | undefined {
  const text = latin1Text(bytes);
  const lines = text === undefined ? undefined : linesOf(text);
  if (lines === undefined) return undefined;
  const pid = parseUint(lines.get('Pid'), MAX_PID);
  const tgid = parseUint(lines.get('Tgid'), MAX_PID);
  const ppid = parseUint(lines.get('PPid'), MAX_PID);
  const tracerPid = parseUint(lines.get('TracerPid'), MAX_PID);
  const threads = parseUint(lines.get('Threads'), MAX_PID);
  const uids = idsOf(lines.get('Uid'));
  const gids = idsOf(lines.get('Gid'));
  const groups = groupsOf(lines.get('Groups'));
  const capabilities = capabilitiesOf(lines);
  if (pid === undefined || tgid === undefined || ppid === undefined || tracerPid === undefined) return undefined;
  if (threads === undefined || uids === undefined || gids === undefined || groups === undefined) return undefined;
  if (capabilities === undefined) return undefined;

  const flags = flagsOf(lines);
  return flags && { pid, tgid, ppid, tracerPid, uids, gids, groups, threads, capabilities, ...flags };
}

/** `Key:\tvalue` by key. The last line must be whole: a text cut short by a bounded read is not a shorter truth. */
function linesOf(text: string): ReadonlyMap<string, string> | undefined {
  if (!text.startsWith('Name:\t') || !text.endsWith('\n')) return undefined;
  const lines = new Map<string, string>();
  for (const line of text.slice(0, -1).split('\n')) {
    const colon = line.indexOf(':');
    if (colon < 1) return undefined;
    const key = line.slice(0, colon);
    if (lines.has(key)) return undefined;
    lines.set(key, line.charCodeAt(colon + 1) === 0x09 ? line.slice(colon + 2) : line.slice(colon + 1));
  }
  return lines;
}

function idsOf(value: string | undefined): Ids | undefined {
  const [real, effective, saved, filesystem, ...rest] = value?.split('\t').map((id) => parseUint(id, MAX_U32)) ?? [];
  if (real === undefined || effective === undefined || saved === undefined || filesystem === undefined) return undefined;
  return rest.length === 0 ? [real, effective, saved, filesystem] : undefined;
}

/** `0 4 24 `: a space after each; `` or ` ` where there is none. */
function groupsOf(value: string | undefined): ProcStatus['groups'] | undefined {
  if (value === undefined) return undefined;
  if (value.length > MOST_GROUPS * LONGEST_GROUP) return 'too-many';
  const spelled = value.trimEnd();
  if (spelled === '') return [];
  const words = spelled.split(' ', MOST_GROUPS + 1);
  if (words.length > MOST_GROUPS) return 'too-many';
  const groups: number[] = [];
  for (const word of words) {
    const group = parseUint(word, MAX_U32);
    if (group === undefined) return undefined;
    groups.push(group);
  }
  return groups;
}

function capabilitiesOf(lines: ReadonlyMap<string, string>): CapabilitySets | undefined {
  const inheritable = capabilityNames(lines.get('CapInh') ?? '');
  const permitted = capabilityNames(lines.get('CapPrm') ?? '');
  const effective = capabilityNames(lines.get('CapEff') ?? '');
  const bounding = capabilityNames(lines.get('CapBnd') ?? '');
  const spelledAmbient = lines.get('CapAmb');
  const ambient = spelledAmbient === undefined ? undefined : capabilityNames(spelledAmbient);
  if (inheritable === undefined || permitted === undefined || effective === undefined || bounding === undefined) return undefined;
  if (spelledAmbient !== undefined && ambient === undefined) return undefined;
  return { inheritable, permitted, effective, bounding, ambient };
}

/** The lines that came with later kernels: missing is `undefined` in the answer, malformed makes the answer `undefined`. */
function flagsOf(lines: ReadonlyMap<string, string>): Pick<ProcStatus, 'noNewPrivs' | 'seccomp' | 'pidNamespaceDepth'> | undefined {
  const noNewPrivs = lines.get('NoNewPrivs');
  const seccomp = lines.get('Seccomp');
  const nsPids = lines.get('NSpid');
  if (noNewPrivs !== undefined && noNewPrivs !== '0' && noNewPrivs !== '1') return undefined;
  const mode = seccomp === undefined ? undefined : SECCOMP_MODES[parseUint(seccomp) ?? -1];
  if (seccomp !== undefined && mode === undefined) return undefined;
  const pids = nsPids?.split('\t');
  if (pids?.some((pid) => parseUint(pid, MAX_PID) === undefined) === true) return undefined;
  return {
    noNewPrivs: noNewPrivs === undefined ? undefined : noNewPrivs === '1',
    seccomp: mode,
    pidNamespaceDepth: pids?.length,
  };
}
