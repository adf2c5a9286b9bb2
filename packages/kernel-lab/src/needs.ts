import { existsSync } from 'node:fs';
import { CannotRun } from './failure.js';

/** What the lab runs on this system, and the Debian package that has it (`scripts/system-packages.mjs kernels`). */
const PROGRAMS: Readonly<Record<string, string>> = {
  '/usr/bin/qemu-system-x86_64': 'qemu-system-x86',
  '/usr/bin/busybox': 'busybox-static',
  '/sbin/apparmor_parser': 'apparmor',
  '/usr/bin/checkpolicy': 'checkpolicy',
  '/sbin/mkfs.ext4': 'e2fsprogs',
  '/usr/bin/dpkg': 'dpkg',
  '/usr/bin/apt-get': 'apt',
  '/usr/bin/setpriv': 'util-linux',
  '/usr/bin/gcc': 'gcc',
  '/usr/bin/ldd': 'libc-bin',
};

/** @throws CannotRun that names what is missing */
export function checkNeeds(): void {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new CannotRun(`the guests are Linux on x64, and take node and its libraries from this system, which is ${process.platform} on ${process.arch}`);
  const missing = Object.entries(PROGRAMS).filter(([path]) => !existsSync(path)).map(([path, name]) => `\`${path}\` (package ${name})`);
  if (missing.length > 0) throw new CannotRun(`missing: ${missing.join(', ')}`);
}
