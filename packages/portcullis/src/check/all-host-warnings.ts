import type { SelectorKey } from '@portcullis/core';
import type { CompiledPolicy } from '@portcullis/policy';
import { hostWarnings } from './host-warnings.js';
import { pathWarnings } from './path-warnings.js';
import { policyWarnings } from './policy-warnings.js';

/** A policy, and the real paths of the files that it came from. */
export interface PolicyOfFiles {
  readonly policy: CompiledPolicy;
  readonly files: readonly string[];
}

/** What a policy meets on this host: keys without an answer, programs and files that others can replace. */
export function allHostWarnings({ policy, files }: PolicyOfFiles, unknowable: ReadonlyMap<SelectorKey, string> = new Map()): readonly string[] {
  return [...hostWarnings(policy, unknowable), ...pathWarnings(policy), ...policyWarnings(files)];
}
