import { readdirSync, readFileSync } from 'node:fs';
import type { DescriptorUse } from '@portcullis/core';
import { parseOpenFilesLimit } from './proc/parse-limits.js';

/** How many descriptors this process may have, and has; undefined where the limit cannot be read. */
export function descriptorUse(): DescriptorUse | undefined {
  const limit = parseOpenFilesLimit(readFileSync('/proc/self/limits'))?.soft;
  return limit === undefined ? undefined : { limit, used: readdirSync('/proc/self/fd').length };
}
