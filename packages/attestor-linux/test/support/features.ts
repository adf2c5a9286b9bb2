import { existsSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import type { Context } from 'mocha';
import { probeCapabilities } from '@portcullis/attestor-linux';
import { requireFeature, requireRoot, skipUnless } from '@portcullis/testkit';
import { PEERS_VARIABLE } from './compile.js';

/** A user that no one has made: only its number matters. */
export const SOMEBODY = 1234;

export function needLinux(ctx: Context): void {
  skipUnless(ctx, process.platform === 'linux', 'needs Linux');
}

export function needRoot(ctx: Context): void {
  needLinux(ctx);
  requireRoot(ctx, 'starts peers as other users');
}

export function needCompiler(ctx: Context): void {
  needLinux(ctx);
  requireFeature(ctx, 'gcc', existsSync('/usr/bin/gcc') && existsSync('/usr/include/stdio.h'), '/usr/bin/gcc and the headers of the C library');
}

/** The programs of `test/peers`, compiled here or elsewhere. */
export function needPeers(ctx: Context): void {
  needLinux(ctx);
  if (process.env[PEERS_VARIABLE] === undefined) needCompiler(ctx);
}

/** Root, and those programs: what nearly every attack wants. */
export function needAttacks(ctx: Context): void {
  needRoot(ctx);
  needPeers(ctx);
}

let userNamespaces: boolean | undefined;

/** That an unprivileged user may make a user namespace: some distributions forbid it, and then several attacks too. */
export function needUserNamespaces(ctx: Context): void {
  needRoot(ctx);
  userNamespaces ??= spawnSync('/usr/bin/unshare', ['-U', '/bin/true'], { uid: SOMEBODY, gid: SOMEBODY }).status === 0;
  requireFeature(ctx, 'userns', userNamespaces, 'an unprivileged user may not make user namespaces here');
}

let peerPidFd: boolean | undefined;

export function needPeerPidFd(ctx: Context): void {
  needLinux(ctx);
  peerPidFd ??= probeCapabilities().peerPidFd;
  requireFeature(ctx, 'peerpidfd', peerPidFd, 'SO_PEERPIDFD needs Linux 6.5');
}

export function needPidfdInfo(ctx: Context): void {
  needLinux(ctx);
  requireFeature(ctx, 'pidfdinfo', probeCapabilities().pidfdInfo, 'PIDFD_GET_INFO needs Linux 6.13');
}

export function needProgram(ctx: Context, path: string): void {
  needLinux(ctx);
  skipUnless(ctx, existsSync(path), `${path} is not there`);
}

/** Whether `/proc/sys/…` says `value`. */
export function sysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
