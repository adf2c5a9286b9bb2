import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import type { Context } from 'mocha';
import { requireFeature, requireRoot, skip, skipUnless } from '@portcullis/testkit';
import { MAIN } from './run.js';

/** A user that no one has made: only its number matters. */
export const SOMEBODY = 1234;

export function needLinux(ctx: Context): void {
  skipUnless(ctx, process.platform === 'linux', 'needs Linux');
}

export function needRoot(ctx: Context): void {
  needLinux(ctx);
  requireRoot(ctx, 'starts the demo as root');
}

export function needCompiler(ctx: Context): void {
  needLinux(ctx);
  requireFeature(ctx, 'gcc', existsSync('/usr/bin/gcc') && existsSync('/usr/include/stdio.h'), '/usr/bin/gcc and the headers of the C library');
}

/** That somebody else can start the demo: node, the checkout and all folders above. */
export function needReachable(ctx: Context): void {
  const { status } = spawnSync(process.execPath, [MAIN, '--help'], { uid: SOMEBODY, gid: SOMEBODY, env: {}, cwd: '/' });
  if (status !== 0) skip(ctx, `uid ${String(SOMEBODY)} cannot run ${MAIN}`);
}

/** That control groups can be made whose names mean something: not in a container. */
export function canMakeGroups(): boolean {
  const writable = readFileSync('/proc/self/mounts', 'utf8').split('\n').some((mount) => / (?:cgroup|cgroup2) rw[, ]/.test(mount));
  return writable && !/[0-9a-f]{64}/.test(readFileSync('/proc/self/cgroup', 'utf8'));
}

/** Groups of the kind that the demo makes. */
export function demoGroups(): readonly string[] {
  const roots = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified', '/sys/fs/cgroup/systemd'];
  return roots.flatMap((root) => [root, `${root}/docker`, `${root}/user.slice`].flatMap(foldersIn));
}

function foldersIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => `${folder}/${name}`).filter((path) => /\/docker|\/user\.slice/.test(path));
}
