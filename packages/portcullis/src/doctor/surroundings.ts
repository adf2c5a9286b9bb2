import { readFileSync } from 'node:fs';
import type { Capabilities } from '@portcullis/attestor-linux';
import { either, type Check } from './report.js';

/** Fixed inodes of the first namespaces (linux/proc_ns.h). */
const FIRST = { pid: 4_026_531_836n, user: 4_026_531_837n, cgroup: 4_026_531_835n } as const;
const CAP_SYS_PTRACE = 19n;

/** Where this process stands: what it may look at, and what it cannot see from here. */
export function surroundings(found: Capabilities): readonly Check[] {
  return [
    either('id-maps', found.fullIdMaps, ['uid and gid maps are the full identity', 'this process is in a user namespace that maps only some ids'], 'peers with unmapped ids look like 65534 and are refused; `nobody` cannot be told from them (T13)'),
    either('pid-namespace', inFirst(found, 'pid'), ['in the first pid namespace', 'in a pid namespace of its own'], 'peers outside of it have pid 0 here: nothing below /proc can be asked of them (T13)'),
    either('cgroup-namespace', inFirst(found, 'cgroup'), ['in the first cgroup namespace', 'in a cgroup namespace of its own'], 'paths of cgroups are seen from there: container ids and units outside are unknown (T7)'),
    either('user-namespace', inFirst(found, 'user'), ['in the first user namespace', 'in a user namespace of its own'], 'privileges end at it: other namespaces\' processes are closed to this one (T13, T16)'),
    either('hidepid', !found.hidepid, ['/proc shows the processes of others', '/proc hides the processes of others (hidepid)'], 'every key that needs /proc is unknown of other users\' processes (T16): run with the `gid=` group of the mount'),
    either('ptrace-access', mayLookIn(), ['may look into the processes of other users', 'may not look into the processes of other users (no CAP_SYS_PTRACE)'], '`unix:path`, `unix:sha256`, environment and namespaces of other users\' processes are unknown (T16)'),
  ];
}

function inFirst({ namespaces }: Capabilities, name: keyof typeof FIRST): boolean {
  return namespaces.get(name) === FIRST[name];
}

/** CapEff of `/proc/self/status`. */
function mayLookIn(): boolean {
  const hex = /^CapEff:\s*([0-9a-f]+)$/m.exec(readText('/proc/self/status') ?? '')?.[1];
  return hex !== undefined && ((BigInt(`0x${hex}`) >> CAP_SYS_PTRACE) & 1n) === 1n;
}

/** Whether any user may make a user namespace, from which an exe link can be forged (T4). */
export function userNamespaces(): Check {
  const id = 'unprivileged-userns';
  const closed = (why: string): Check => ({ id, verdict: 'good', found: `unprivileged users cannot make user namespaces (${why})` });
  if (numberIn('/proc/sys/user/max_user_namespaces') === 0) return closed('user.max_user_namespaces is 0');
  if (numberIn('/proc/sys/kernel/unprivileged_userns_clone') === 0) return closed('kernel.unprivileged_userns_clone is 0');
  if ((numberIn('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') ?? 0) > 0) return closed('kernel.apparmor_restrict_unprivileged_userns is set');
  return {
    id, verdict: 'weaker', found: 'unprivileged users can make user namespaces',
    cost: 'forging an exe link needs no privilege (T4): path and digest count only where the executable mappings agree with them, and never without a principal (T11)',
  };
}

/** kernel.yama.ptrace_scope: whether a user's processes may trace one another (T11). */
export function ptraceScope(): Check {
  const id = 'ptrace-scope';
  const scope = numberIn('/proc/sys/kernel/yama/ptrace_scope') ?? 0;
  if (scope > 0) return { id, verdict: 'good', found: `kernel.yama.ptrace_scope is ${String(scope)}: a process cannot trace any other of its user` };
  return { id, verdict: 'weaker', found: 'a process may trace any other of its user', cost: 'a user can steer an allowed program of their own (T11): deny on `linux:tracer`, and name a principal beside a program' };
}

function numberIn(path: string): number | undefined {
  const text = readText(path)?.trim();
  return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : undefined;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
