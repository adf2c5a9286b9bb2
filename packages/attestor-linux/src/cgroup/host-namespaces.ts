import { unknown, type Unknown } from '@portcullis/core';
import { O_PATH } from '../ffi/constants.js';
import { ENOENT, SysFailure } from '../ffi/errno.js';
import { statFd } from '../ffi/statx.js';
import { closeAll } from '../ffi/file.js';
import type { LinuxPeer } from '../peer.js';

/** What a container has of its own unless it was told, one by one, to share the host's. */
const TELLING: readonly string[] = ['pid', 'mnt', 'net', 'user'];

/**
 * Why a peer without a container's group may still be in a container, or undefined: a runtime told so makes none
 * (`--cgroups=disabled`), and a user without a delegated group cannot (rootless, version 1), but both make namespaces. A
 * service with a mount or network namespace of its own cannot be told from it, and neither can a browser's sandbox. The
 * links are those of a process that may be held up (T20).
 */
export function strangeNamespaces(peer: LinuxPeer): Unknown | undefined {
  const { hostNamespaces } = peer.capabilities;
  if (hostNamespaces === undefined) return unknown('unanchored', 'we may be in a container ourselves');
  const folder = peer.procFolder();
  if (typeof folder !== 'string') return folder;
  const told = TELLING.filter((name) => hostNamespaces.has(name)); // an older kernel may not have them all
  const opened = peer.open(told.map((name) => ({ path: `${folder}/ns/${name}`, flags: O_PATH })));
  if ('why' in opened) return opened;
  const found = opened.map((fd) => (typeof fd === 'number' ? statFd(fd) : fd));
  closeAll(opened);
  const strange: string[] = [];
  for (const [at, name] of told.entries()) {
    const namespace = found[at] ?? new SysFailure(`openat(AT_FDCWD, "${folder}/ns/${name}")`, ENOENT);
    if (namespace instanceof SysFailure) return peer.unknownOf(namespace);
    if (namespace.ino !== hostNamespaces.get(name)) strange.push(name);
  }
  return strange.length === 0 ? undefined : unknown('unanchored', `no container's group, and not the host's namespaces: ${strange.join(', ')}`);
}
