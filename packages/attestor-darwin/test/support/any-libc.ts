import type { Context } from 'mocha';
import { systemLibc, type Libc } from '../../dist/ffi/libc.js';
import { needStandIn } from './features.js';
import { StandIn } from './standin.js';

/** libSystem itself on a Mac, its stand-in on Linux: what runs with either is shown on both. */
export function anyLibc(ctx: Context): Libc {
  if (process.platform === 'darwin') return systemLibc();
  needStandIn(ctx);
  return new StandIn().libc;
}
