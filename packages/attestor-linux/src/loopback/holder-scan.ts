import { readdirSync, readlinkSync } from 'node:fs';

/** The first process that was seen to hold a socket, and how many do. */
export interface Holder {
  readonly inode: number;
  readonly pid: number;
  /** The number that the socket has there. */
  readonly foreignFd: number;
  readonly processes: number;
}

export interface Scan {
  readonly holders: readonly Holder[];
  /** Processes whose descriptors may not be looked at: any of them may be another holder. */
  readonly hidden: number;
  /** Why the scan was not finished. */
  readonly stopped?: string;
}

/** A host beyond these has its scans end as unfinished, and the keys of processes unknown there. */
export interface ScanLimits {
  readonly descriptors: number;
  readonly ms: number;
}

export const SCAN_LIMITS: ScanLimits = { descriptors: 1_000_000, ms: 2000 };

const PID = /^[1-9][0-9]*$/;
const SOCKET = /^socket:\[([0-9]{1,10})\]$/;

/**
 * Looks for sockets in the descriptor table of every process. Racy, and not the whole truth: a descriptor in flight in a
 * message, in an io_uring, or in a thread with a table of its own is in no list that is read here.
 */
export function scanHoldersRacy(inodes: readonly number[], limits: ScanLimits = SCAN_LIMITS, proc = '/proc'): Scan {
  const until = performance.now() + limits.ms;
  const wanted = new Set(inodes);
  const found = new Map<number, Holder>();
  let hidden = 0;
  let left = limits.descriptors;
  for (const pid of readdirSync(proc)) {
    if (!PID.test(pid)) continue;
    if (performance.now() > until) return { holders: [], hidden, stopped: `it took longer than ${String(limits.ms)} ms` };
    const fds = list(`${proc}/${pid}/fd`);
    if (fds === 'hidden') hidden += 1;
    if (typeof fds === 'string') continue;
    left -= fds.length;
    if (left < 0) return { holders: [], hidden, stopped: `there are more than ${String(limits.descriptors)} descriptors` };
    const own = new Set<number>();
    for (const fd of fds) {
      const inode = socketInode(`${proc}/${pid}/fd/${fd}`);
      if (inode === undefined || !wanted.has(inode) || own.has(inode)) continue;
      own.add(inode);
      const first = found.get(inode);
      found.set(inode, first === undefined ? { inode, pid: Number(pid), foreignFd: Number(fd), processes: 1 } : { ...first, processes: first.processes + 1 });
    }
  }
  return { holders: [...found.values()], hidden };
}

function list(folder: string): readonly string[] | 'gone' | 'hidden' {
  try {
    return readdirSync(folder);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ENOENT' || code === 'ESRCH' ? 'gone' : 'hidden';
  }
}

function socketInode(link: string): number | undefined {
  try {
    const inode = SOCKET.exec(readlinkSync(link))?.[1];
    return inode === undefined ? undefined : Number(inode);
  } catch {
    return undefined; // closed meanwhile
  }
}
