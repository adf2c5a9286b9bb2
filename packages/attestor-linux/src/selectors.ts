import type { SelectorDefinition } from '@portcullis/core';
import { DigestCache } from './digest/digest-cache.js';
import { ProcessCache } from './image/process-cache.js';
import { Names } from './names/names.js';
import { probesOf } from './probes/all.js';

/** Every key that this package can establish. */
export const LINUX_SELECTORS: readonly SelectorDefinition[] = Object.freeze(
  probesOf(new Names(), new ProcessCache(), new DigestCache()).flatMap(({ selectors }) => selectors),
);
