import { unknown, type Unknown } from '@portcullis/core';
import { SysFailure } from '../ffi/errno.js';
import { cPath } from '../ffi/file.js';
import { statPath } from '../ffi/statx.js';
import type { LinuxPeer } from '../peer.js';

/** What a container has of its own unless it was told, one by one, to share the host's. */
const TELLING: readonly string[] = ['pid', 'mnt', 'net', 'user'];

/**
 * Why a peer without a container's group may still be in a container, or undefined: a runtime told so makes none
 * (`--cgroups=disabled`), and a user without a delegated group cannot (rootless, version 1), but both make namespaces. A
 * service with a mount or network namespace of its own cannot be told from it, and neither can a browser's sandbox.
 */
export function strangeNamespaces(peer: LinuxPeer): Unknown | undefined {
  const { hostNamespaces } = peer.capabilities;
  if (hostNamespaces === undefined) return unknown('unanchored', 'we may be in a container ourselves');
  const folder = peer.procFolder();
  if (typeof folder !== 'string') return folder;
  const strange: string[] = [];
  for (const name of TELLING) {
    const own = hostNamespaces.get(name);
    if (own === undefined) continue; // this kernel has no such namespace
    const path = `${folder}/ns/${name}`;
    const found = statPath(cPath(path), path);
    if (found instanceof SysFailure) return peer.unknownOf(found);
    if (found.ino !== own) strange.push(name);
  }
  return strange.length === 0 ? undefined : unknown('unanchored', `no container's group, and not the host's namespaces: ${strange.join(', ')}`);
}
