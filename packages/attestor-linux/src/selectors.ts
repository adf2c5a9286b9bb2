import type { SelectorDefinition } from '@portcullis/core';
import { DigestCache, Names } from '@portcullis/core/platform';
import { askGetent } from './getent.js';
import { ProcessCache } from './image/process-cache.js';
import { probesOf } from './probes/all.js';

/** Every key that this package can establish. */
export const LINUX_SELECTORS: readonly SelectorDefinition[] = Object.freeze(
  probesOf(new Names(askGetent), new ProcessCache(), new DigestCache()).flatMap(({ selectors }) => selectors),
);
