import { closeSync, constants, fstatSync, lstatSync, openSync, type BigIntStats } from 'node:fs';
import { unknown, type Fd, type Finding, type SelectorDefinition, type TrustTier, type Unknown } from '@portcullis/core';
import { isRootsAlone, type ContentIdentity, type DigestCache, type DigestSource } from '@portcullis/core/platform';
import type { DarwinPeer } from '../peer.js';
import { pathOf } from './exe.js';
import type { Into, Probe } from './probe.js';

const KEY = 'unix:sha256';

const selectors: readonly SelectorDefinition[] = [
  { key: KEY, many: false, trust: 'image', cost: 'digest', program: true, value: { type: 'digest', length: 64 }, summary: 'SHA-256 of the file that is at the path now; `heuristic` where others than root could have replaced it since, see `darwin:cdhash`', example: '3f0c'.repeat(16) },
];

/**
 * The digest of the file at the path. Darwin has no link to the file that runs: whoever may replace the file may show us
 * another one than they run, so this is worth `image` only where root alone could.
 */
export function sha256(digests: DigestCache): Probe {
  return {
    selectors,
    ask(peer: DarwinPeer, _keys, into: Into, signal?: AbortSignal) {
      const path = pathOf(peer);
      const source = typeof path === 'string' ? sourceOf(peer, path) : (path ?? NO_PATH);
      if ('state' in source) {
        into.set(KEY, source);
        return undefined;
      }
      const tier = typeof path === 'string' && isRootsAlone(path) ? 'image' : 'heuristic';
      const digest = digests.digest(source, signal);
      if (digest instanceof Promise) return digest.then((late) => { into.set(KEY, withTier(late, tier)); });
      into.set(KEY, withTier(digest, tier));
      return undefined;
    },
  };
}

const NO_PATH = unknown('kernel-unsupported', 'proc_pidpath_audittoken() is missing (macOS 11)');

function withTier(digest: Finding, tier: TrustTier): Finding {
  return digest.state === 'present' ? { ...digest, tier } : digest;
}

function sourceOf(peer: DarwinPeer, path: string): DigestSource | Unknown {
  try {
    const identity = lstatSync(path, { bigint: true });
    if (!identity.isFile()) return unknown('peer-changed', 'what is at the path is no file');
    return { uid: peer.credentials.uid, identity, open: () => openFile(path), identify };
  } catch (error) {
    return unreadable(error);
  }
}

/** O_NONBLOCK: a pipe that was put there since must not stop us. */
function openFile(path: string): Fd | Unknown {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
    if (fstatSync(fd).isFile()) return fd as Fd;
    closeSync(fd);
    return unknown('peer-changed', 'what is at the path is no file');
  } catch (error) {
    return unreadable(error);
  }
}

function identify(fd: Fd): ContentIdentity | Unknown {
  try {
    const now: BigIntStats = fstatSync(fd, { bigint: true });
    return now;
  } catch (error) {
    return unreadable(error);
  }
}

function unreadable(error: unknown): Unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const why = code === 'EACCES' || code === 'EPERM' ? 'permission' : code === 'ENOENT' || code === 'ELOOP' ? 'peer-changed' : code === 'EMFILE' || code === 'ENFILE' ? 'limit' : 'system-error';
  return unknown(why, error instanceof Error ? error.message : String(error));
}
