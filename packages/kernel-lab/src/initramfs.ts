import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { cpio, type Member } from './cpio.js';
import { guestTree } from './guest-tree.js';
import { JOB_FILE, type Job } from './job.js';
import type { Kernel } from './kernel.js';
import type { Module } from './series.js';
import { Tree } from './tree.js';

const GUEST = join(import.meta.dirname, 'guest/main.js');
/** A disk, the tables that `ss` and sock_diag read, and what forgers mount. */
const MODULES = ['virtio_pci', 'virtio_blk', 'unix_diag', 'inet_diag', 'tcp_diag', 'fuse', 'overlay'];

/** Makes the archives that guests start from: what all have in common once, then for each boot what it alone has. */
export class Initramfs {
  readonly #common: readonly Member[];

  constructor(peers: string, policies: Readonly<Record<Module, Buffer>>) {
    const tree = guestTree(peers);
    for (const [module, policy] of Object.entries(policies)) tree.file(`/lab/${module}.policy`, policy);
    tree.file('/lab/environment', `NODE='${process.execPath}'\nGUEST='${GUEST}'\n`);
    this.#common = [...tree.members()];
  }

  /** Writes one archive, not compressed: an emulated processor unpacks slowly. Returns its bytes. */
  write(path: string, kernel: Kernel, job: Job): number {
    const own = new Tree().file(JOB_FILE, JSON.stringify(job)).folder('/lab/modules');
    kernel.modules(MODULES).forEach((module, at) => own.file(`/lab/modules/${String(at).padStart(2, '0')}.ko`, module));
    const file = openSync(path, 'w', 0o600);
    let bytes = 0;
    try {
      for (const part of cpio([...this.#common, ...own.members()])) bytes += writeAll(file, part);
    } finally {
      closeSync(file);
    }
    return bytes;
  }
}

function writeAll(file: number, part: Uint8Array): number {
  for (let at = 0; at < part.length; ) at += writeSync(file, part, at);
  return part.length;
}
