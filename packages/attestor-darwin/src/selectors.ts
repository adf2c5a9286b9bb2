import type { SelectorDefinition } from '@portcullis/core';
import { DigestCache, Names } from '@portcullis/core/platform';
import { askDirectory } from './dscacheutil.js';
import { Lsof } from './lsof/lsof.js';
import { probesOf } from './probes/all.js';

/**
 * Every key that this package can establish. Only what LOCAL_PEERCRED has is of tier `kernel-connect`. All else is about
 * the last process that used the socket, which the peer's own user can choose (T23): never better than `image`.
 */
export const DARWIN_SELECTORS: readonly SelectorDefinition[] = Object.freeze(
  probesOf(new Names(askDirectory), new Lsof(), new DigestCache()).flatMap(({ selectors }) => selectors),
);
