import { readFileSync, readlinkSync } from 'node:fs';
import { PortcullisError, type Fd, type Pid } from '@portcullis/core';
import { GENERIC_ABI_ARCHITECTURES, OVERFLOW_ID, PID_FS_MAGIC } from './ffi/constants.js';
import { EAGAIN, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, ERANGE, SysFailure } from './ffi/errno.js';
import { closeFd, cPath, openRead, socketPair } from './ffi/file.js';
import { libc } from './ffi/libc.js';
import { listLabellingModules } from './ffi/lsm.js';
import { getPidfdInfo, pidBehind, pidfdOpen } from './ffi/pidfd.js';
import { nextExecutable } from './ffi/procmap.js';
import { getPeerCred, getPeerGroups, getPeerPidFd } from './ffi/sockopt.js';
import { INITIAL_CGROUP_NAMESPACE } from './proc/cgroup-identity.js';
import { isFullIdentity, parseIdMap } from './proc/parse-id-map.js';
import { parseStatus } from './proc/parse-status.js';

/** What this kernel offers to this process: probed once, with real calls, before the first peer. */
export interface Capabilities {
  /** SO_PEERPIDFD works, and what it returns is a pidfd. Without it a pin is `pidfd-open`, which is weaker. */
  readonly peerPidFd: boolean;
  /** PIDFD_GET_INFO answers with our own pid. */
  readonly pidfdInfo: boolean;
  /** pidfds have inodes that are unique per boot, so that what is known of a program image can be kept. */
  readonly uniquePidfdInodes: boolean;
  readonly peerGroups: boolean;
  /** PROCMAP_QUERY; without it the whole text of `/proc/PID/maps` is read. */
  readonly procmapQuery: boolean;
  /** Labelling modules in the kernel's list; undefined where the list cannot be had. */
  readonly labelling: readonly string[] | undefined;
  /** Whether our uid and gid maps are the full identity: only then is 65534 a real user (T13). */
  readonly fullIdMaps: boolean;
  /** What ids outside our maps are shown as (/proc/sys/kernel/overflowuid, overflowgid). */
  readonly overflowUid: number;
  readonly overflowGid: number;
  /** Whether `/proc/1` can be seen: it cannot under hidepid for others' processes. */
  readonly hidepid: boolean;
  readonly cgroupNamespaced: boolean;
  /** Our own namespaces, by name: inode numbers. */
  readonly namespaces: ReadonlyMap<string, bigint>;
  /** The host's, as far as can be told: those of pid 1, ours where we may not look at it; undefined where we are not on the host. */
  readonly hostNamespaces: ReadonlyMap<string, bigint> | undefined;
}

/** The pid namespace that the kernel was booted with: PROC_PID_INIT_INO, linux/proc_ns.h. */
const FIRST_PID_NAMESPACE = 0xeffffffcn;
/** PROC_USER_INIT_INO. */
const FIRST_USER_NAMESPACE = 0xeffffffdn;

/** From any other, processes outside are shown as pid 0: as nobody. */
export function inFirstPidNamespace({ namespaces }: Capabilities): boolean {
  return namespaces.get('pid') === FIRST_PID_NAMESPACE;
}

export const NAMESPACES: readonly string[] = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'];

/**
 * Tries every constant on a socket pair of our own, and checks that the answers are about us.
 * @throws PortcullisError `PLATFORM_UNSUPPORTED` for another system or an ABI whose numbers are not known;
 *   `PLATFORM_PROBE` when SO_PEERCRED does not say who we are, or `/proc` is not of our pid namespace, since then nothing else can
 *   be believed, and when a call fails for a reason of the moment, such as EMFILE.
 */
export function probeCapabilities(): Capabilities {
  if (process.platform !== 'linux' || !GENERIC_ABI_ARCHITECTURES.includes(process.arch)) {
    throw new PortcullisError('PLATFORM_UNSUPPORTED', `this attestor knows the kernel's numbers for Linux on ${GENERIC_ABI_ARCHITECTURES.join(', ')}, not for ${process.platform} on ${process.arch}`);
  }
  const pair = socketPair();
  if (pair instanceof SysFailure) throw new PortcullisError('PLATFORM_PROBE', pair.toString());
  const [one, other] = pair;
  try {
    const cred = getPeerCred(one);
    if (cred instanceof SysFailure || cred.pid !== process.pid || cred.uid !== process.geteuid?.()) {
      throw new PortcullisError('PLATFORM_PROBE', `SO_PEERCRED does not name this process: ${cred instanceof SysFailure ? cred.toString() : `pid ${String(cred.pid)}, uid ${String(cred.uid)}`}`);
    }
    assertOwnProc();
    const namespaces = namespacesOf('self');
    return Object.freeze({
      peerPidFd: isOurPidfd(answered(getPeerPidFd(one))),
      ...probePidfd(),
      peerGroups: knowsGroups(answered(getPeerGroups(one))),
      procmapQuery: probeProcmap(),
      labelling: labellingModules(),
      fullIdMaps: hasFullIdMap('uid_map') && hasFullIdMap('gid_map'),
      overflowUid: overflowId('overflowuid'),
      overflowGid: overflowId('overflowgid'),
      hidepid: isUnseen('/proc/1/stat'),
      cgroupNamespaced: namespaces.get('cgroup') !== BigInt(INITIAL_CGROUP_NAMESPACE),
      namespaces,
      hostNamespaces: hostNamespaces(namespaces),
    });
  } finally {
    closeFd(one);
    closeFd(other);
  }
}

/**
 * The kernel names peers by their pids in our pid namespace. A procfs of another one, as after `unshare --pid` without
 * `--mount-proc`, has other processes at these numbers, and would be believed of the peer (T13).
 */
function assertOwnProc(): void {
  const status = readBytes('/proc/self/status');
  const parsed = status && parseStatus(status);
  if (parsed === undefined) throw new PortcullisError('PLATFORM_PROBE', '`/proc/self/status` cannot be read: mount a procfs at `/proc` (`mount -t proc proc /proc`)');
  if (parsed.pid === process.pid && (parsed.pidNamespaceDepth ?? 1) === 1) return;
  throw new PortcullisError('PLATFORM_PROBE', `\`/proc\` is of another pid namespace than this process, which is ${String(process.pid)} here and ${String(parsed.pid)} there, so what it says is about other processes: mount one of this namespace (\`mount -t proc proc /proc\`, or \`unshare --mount-proc\`)`);
}

/** What says nothing of the kernel, only of this moment. */
const OF_THE_MOMENT: ReadonlySet<number> = new Set([EMFILE, ENFILE, ENOMEM, ENOBUFS, EINTR, EAGAIN]);

/** @throws PortcullisError `PLATFORM_PROBE`: who runs out of descriptors while it starts must not serve with a weaker pin. */
function answered<T>(result: T | SysFailure): T | SysFailure {
  if (!(result instanceof SysFailure) || !OF_THE_MOMENT.has(result.errno)) return result;
  throw new PortcullisError('PLATFORM_PROBE', result.toString());
}

/** A gateway in more groups than are read is told so by a kernel that knows them. */
function knowsGroups(groups: readonly number[] | SysFailure): boolean {
  return !(groups instanceof SysFailure) || groups.errno === ERANGE;
}

/** A number that is not a pidfd of ours would be a constant that means something else on this kernel. */
function isOurPidfd(pidfd: Fd | SysFailure): boolean {
  if (pidfd instanceof SysFailure) return false;
  try {
    return pidBehind(pidfd) === process.pid;
  } finally {
    closeFd(pidfd);
  }
}

function probePidfd(): Pick<Capabilities, 'pidfdInfo' | 'uniquePidfdInodes'> {
  const pidfd = answered(pidfdOpen(process.pid as Pid));
  if (pidfd instanceof SysFailure) return { pidfdInfo: false, uniquePidfdInodes: false };
  try {
    const info = getPidfdInfo(pidfd);
    const statfs = new BigUint64Array(16);
    const inodes = libc().fstatfs(pidfd, statfs) === 0 && statfs[0] === BigInt(PID_FS_MAGIC);
    return { pidfdInfo: !(info instanceof SysFailure) && info.pid === process.pid, uniquePidfdInodes: inodes };
  } finally {
    closeFd(pidfd);
  }
}

function probeProcmap(): boolean {
  const maps = answered(openRead(cPath('/proc/self/maps'), '/proc/self/maps'));
  if (maps instanceof SysFailure) return false;
  const first = nextExecutable(maps, 0n);
  closeFd(maps);
  return first !== undefined && !(first instanceof SysFailure);
}

function labellingModules(): readonly string[] | undefined {
  const listed = listLabellingModules();
  if (!(listed instanceof SysFailure)) return listed;
  const text = readText('/sys/kernel/security/lsm'); // 4.18, where securityfs is mounted
  return text?.trim().split(',').filter((name) => name === 'apparmor' || name === 'selinux' || name === 'smack');
}

function hasFullIdMap(name: string): boolean {
  const text = readText(`/proc/self/${name}`);
  const extents = text === undefined ? undefined : parseIdMap(Buffer.from(text));
  return extents !== undefined && isFullIdentity(extents);
}

function overflowId(name: string): number {
  const text = readText(`/proc/sys/kernel/${name}`)?.trim() ?? '';
  return /^[0-9]{1,10}$/.test(text) ? Number(text) : OVERFLOW_ID;
}

/** Below any other pid or user namespace than the first, pid 1 and our own say nothing of the host. */
function hostNamespaces(own: ReadonlyMap<string, bigint>): ReadonlyMap<string, bigint> | undefined {
  if (own.get('pid') !== FIRST_PID_NAMESPACE || (own.get('user') ?? FIRST_USER_NAMESPACE) !== FIRST_USER_NAMESPACE) return undefined;
  const first = namespacesOf('1');
  return first.size === own.size ? first : own;
}

function namespacesOf(process: 'self' | '1'): ReadonlyMap<string, bigint> {
  const inodes = new Map<string, bigint>();
  for (const name of NAMESPACES) {
    try {
      const inode = /\[([0-9]+)\]$/.exec(readlinkSync(`/proc/${process}/ns/${name}`))?.[1];
      if (inode !== undefined) inodes.set(name, BigInt(inode));
    } catch {
      continue; // this kernel has no such namespace (time: 5.6), or we may not look
    }
  }
  return inodes;
}

function readBytes(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

function readText(path: string): string | undefined {
  return readBytes(path)?.toString();
}

function isUnseen(path: string): boolean {
  return readText(path) === undefined;
}
