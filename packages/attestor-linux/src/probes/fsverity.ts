import { ABSENT, unknown, type Finding, type SelectorDefinition } from '@portcullis/core';
import { BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, F2FS_SUPER_MAGIC } from '../ffi/constants.js';
import { ENODATA, SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import { measureVerity } from '../ffi/fsverity.js';
import { sameFile, statFd } from '../ffi/statx.js';
import type { ProcessCache } from '../image/process-cache.js';
import { ProgramImage } from '../image/program-image.js';
import type { LinuxPeer } from '../peer.js';
import { unknownOf } from '../unknown-of.js';
import { tierOf } from './exe.js';
import type { Into, Probe } from './probe.js';

const KEY = 'linux:fsverity-digest';

const selectors: readonly SelectorDefinition[] = [
  { key: KEY, many: false, trust: 'image', cost: 'proc', program: true, value: { type: 'digest', length: 64, prefix: 'sha256:' }, summary: 'fs-verity digest of the executable, to which the kernel holds every read of it; not the SHA-256 of its content', example: `sha256:${'3f0c'.repeat(16)}` },
];

/** Where the kernel itself verifies. On FUSE the file system's own user answers this ioctl (6.10), with any digest. */
const VERIFYING = new Set([BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, F2FS_SUPER_MAGIC]);

/** The digest of a Merkle tree over the file behind the exe link: one ioctl, however large the file (T17). */
export function fsverity(processes: ProcessCache): Probe {
  return {
    selectors,
    ask(peer: LinuxPeer, _keys, into: Into) {
      const image = processes.image(peer);
      into.set(KEY, image instanceof ProgramImage ? digestOf(peer, image) : image);
      return undefined;
    },
  };
}

function digestOf(peer: LinuxPeer, image: ProgramImage): Finding {
  const tier = tierOf(image);
  if (typeof tier !== 'string') return tier;
  const fileSystem = image.fileSystem();
  if (fileSystem instanceof SysFailure) return peer.unknownOf(fileSystem);
  if (!VERIFYING.has(fileSystem)) return unknown('kernel-unsupported', 'the file system of the exe has no fs-verity of the kernel\'s own');
  const file = image.openContent(peer);
  if (typeof file !== 'number') return file;
  try {
    const now = statFd(file);
    if (now instanceof SysFailure) return unknownOf(now);
    if (!sameFile(now, image.exe)) return unknown('peer-changed', 'the exe link led to another file when it was opened');
    const digest = measureVerity(file);
    if (digest instanceof SysFailure) return digest.errno === ENODATA ? ABSENT : unknownOf(digest);
    if (digest.algorithm !== 'sha256') return unknown('undecodable', `fs-verity by ${digest.algorithm}`);
    return { state: 'present', values: [`sha256:${digest.hex}`], tier };
  } finally {
    closeFd(file);
  }
}
