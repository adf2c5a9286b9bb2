import { existsSync } from 'node:fs';
import type { Context } from 'mocha';
import { requireFeature, requireRoot, skipUnless } from '@portcullis/testkit';

/** Where lsof is on Linux; on macOS it is below /usr/sbin. The records are the same. */
export const LSOF = process.platform === 'darwin' ? '/usr/sbin/lsof' : '/usr/bin/lsof';

/** The stand-in for libSystem is built from Linux's calls. */
export function needStandIn(ctx: Context): void {
  skipUnless(ctx, process.platform === 'linux', 'the stand-in for libSystem is made of Linux calls');
  requireFeature(ctx, 'gcc', existsSync('/usr/bin/gcc') && existsSync('/usr/include/stdio.h'), '/usr/bin/gcc and the headers of the C library');
}

export function needRoot(ctx: Context): void {
  requireRoot(ctx, 'starts peers as other users');
}

export function needLsof(ctx: Context): void {
  requireFeature(ctx, 'lsof', existsSync(LSOF), `no ${LSOF}`);
}

export function needDarwin(ctx: Context): void {
  skipUnless(ctx, process.platform === 'darwin', 'needs macOS');
}
