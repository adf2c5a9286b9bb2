import { ABSENT, normaliseValues, unknown, type Finding, type SelectorDefinition, type Unknown } from '@portcullis/core';
import { inFirstPidNamespace } from '../capabilities.js';
import { SysFailure } from '../ffi/errno.js';
import { O_PATH } from '../ffi/constants.js';
import { closeAll, cPath, readLinkOf } from '../ffi/file.js';
import { statPath } from '../ffi/statx.js';
import type { LinuxPeer } from '../peer.js';
import { openBounded } from '../held-up/looks.js';
import { decodeText, MAX_U32 } from '../proc/decode.js';
import { parseStatus } from '../proc/parse-status.js';
import { readProc } from '../proc/read.js';
import { allUnknown, type Into, type Probe } from './probe.js';

const guessed = { many: true, trust: 'heuristic', cost: 'proc' } as const;

const selectors: readonly SelectorDefinition[] = [
  { ...guessed, key: 'unix:ancestor-path', value: { type: 'path' }, summary: 'exe links of the ancestors, as they are now', example: '/usr/sbin/sshd' },
  { ...guessed, key: 'unix:ancestor-uid', value: { type: 'uint', max: MAX_U32 }, summary: 'user ids of the ancestors', example: 0 },
];

const MOST_ANCESTORS = 64;

/**
 * The parents up to pid 1. Worth little: nothing pins them, a parent that exits is replaced by init or a subreaper, a pid
 * may be used again between two looks, and an exe link can be forged (T4). One that cannot be read makes its key unknown.
 */
export const ancestry: Probe = {
  selectors,
  ask(peer: LinuxPeer, keys, into: Into) {
    const folder = peer.procFolder();
    if (typeof folder !== 'string') {
      allUnknown(keys, folder, into);
      return undefined;
    }
    // From within a pid namespace the chain ends where the namespace does, and looks complete (T13).
    if (!inFirstPidNamespace(peer.capabilities)) {
      allUnknown(keys, unknown('not-visible', 'ancestors outside our pid namespace would not be shown'), into);
      return undefined;
    }
    const ancestors = pidsUp(peer.credentials.pid);
    for (const key of keys) into.set(key, key === 'unix:ancestor-path' ? listed(ancestors && pathsOf(peer, ancestors)) : listed(ancestors?.map(uidOf)));
    return undefined;
  },
};

/** The chain of parents; undefined when it could not be followed to its end. */
function pidsUp(pid: number): readonly number[] | undefined {
  const pids: number[] = [];
  for (let at = parentOf(pid); at !== 0; at = parentOf(at)) {
    if (at === undefined || pids.length === MOST_ANCESTORS) return undefined;
    pids.push(at);
  }
  return pids;
}

function parentOf(pid: number): number | undefined {
  const status = readProc(`/proc/${String(pid)}/status`);
  return status instanceof SysFailure ? undefined : parseStatus(status)?.ppid;
}

function listed(seen: readonly (string | number | undefined)[] | Unknown | undefined): Finding {
  if (seen !== undefined && 'why' in seen) return seen;
  const values = seen?.filter((value) => value !== undefined);
  if (seen === undefined || values === undefined || values.length < seen.length) return unknown('permission', 'an ancestor cannot be looked at');
  return values.length === 0 ? ABSENT : { state: 'present', values: normaliseValues(values) };
}

function uidOf(pid: number): number | undefined {
  const folder = statPath(cPath(`/proc/${String(pid)}`), 'an ancestor');
  return folder instanceof SysFailure ? undefined : folder.uid;
}

/** A kernel thread has no exe: the chain of a process that one started counts as unreadable. */
function pathsOf(peer: LinuxPeer, pids: readonly number[]): readonly (string | undefined)[] | Unknown {
  // Any of them may be another user's, who may hold this up, whoever the peer is.
  const opened = openBounded({ uid: peer.credentials.uid, direct: false }, pids.map((pid) => ({ path: `/proc/${String(pid)}/exe`, flags: O_PATH })));
  if ('why' in opened) return opened;
  const paths = opened.map((fd) => {
    const link = typeof fd === 'number' ? readLinkOf(fd) : fd;
    const text = link instanceof SysFailure ? undefined : decodeText(link);
    return text?.startsWith('/') === true ? text : undefined;
  });
  closeAll(opened);
  return paths;
}
