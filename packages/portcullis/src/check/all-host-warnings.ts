import type { SelectorKey } from '@portcullis/core';
import type { CompiledPolicy } from '@portcullis/policy';
import { hostWarnings } from './host-warnings.js';
import { pathWarnings } from './path-warnings.js';
import { policyWarnings } from './policy-warnings.js';
import { tcpWarnings } from './tcp-warnings.js';

/** A policy, and the real paths of the files that it came from. */
export interface PolicyOfFiles {
  readonly policy: CompiledPolicy;
  readonly files: readonly string[];
  /** Listeners with this policy that are loopback ports. */
  readonly tcpListeners?: readonly string[];
}

/** The keys that have no answer here, with the reason: of anybody, and of peers of a TCP connection beside those. */
export interface Unknowable {
  readonly unix?: ReadonlyMap<SelectorKey, string> | undefined;
  readonly tcp?: ReadonlyMap<SelectorKey, string> | undefined;
}

/** What a policy meets on this host: keys without an answer, evidence that is too weak, programs and files that others can replace. */
export function allHostWarnings({ policy, files, tcpListeners = [] }: PolicyOfFiles, { unix = NONE, tcp = NONE }: Unknowable): readonly string[] {
  const onlyTcp = new Map([...tcp].filter(([key]) => !unix.has(key)));
  return [
    ...hostWarnings(policy, unix), ...tcpListeners.flatMap((listener) => tcpWarnings(policy, listener, onlyTcp)),
    ...pathWarnings(policy), ...policyWarnings(files),
  ];
}

const NONE: ReadonlyMap<SelectorKey, string> = new Map();
