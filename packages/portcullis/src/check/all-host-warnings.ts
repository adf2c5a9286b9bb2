import type { SelectorKey } from '@portcullis/core';
import type { LoadedPolicy, PolicyFinding, Sources, SuppressedFinding } from '@portcullis/policy';
import { HostFindings } from './host-findings.js';
import { hostWarnings } from './host-warnings.js';
import { pathWarnings } from './path-warnings.js';
import { gatewayWarnings, policyWarnings } from './policy-warnings.js';
import { tcpWarnings } from './tcp-warnings.js';

/** A policy as it was loaded, and where it will be in force. */
export interface PolicyInPlace {
  readonly loaded: Pick<LoadedPolicy, 'policy' | 'files' | 'folders' | 'sources' | 'suppressions'>;
  /** Listeners with this policy that are loopback ports. */
  readonly tcpListeners?: readonly string[];
}

/** The keys that have no answer here, with the reason: of anybody, and of peers of a TCP connection beside those. */
export interface Unknowable {
  readonly unix?: ReadonlyMap<SelectorKey, string> | undefined;
  readonly tcp?: ReadonlyMap<SelectorKey, string> | undefined;
}

/** What was found, without what the policy says is meant. */
export interface HostWarnings {
  readonly findings: readonly PolicyFinding[];
  readonly suppressed: readonly SuppressedFinding[];
}

/** What a policy meets on this host: keys without an answer, evidence that is too weak, programs and files that others can replace. */
export function allHostWarnings({ loaded, tcpListeners = [] }: PolicyInPlace, { unix = NONE, tcp = NONE }: Unknowable): HostWarnings {
  const { policy, sources, suppressions } = loaded;
  if (policy === undefined) return { findings: [], suppressed: [] };
  const found = new HostFindings(sources);
  const onlyTcp = new Map([...tcp].filter(([key]) => !unix.has(key)));
  hostWarnings(policy, unix, found);
  for (const listener of tcpListeners) tcpWarnings(policy, listener, onlyTcp, found);
  pathWarnings(policy, found);
  policyWarnings(loaded, found);
  return suppressions.sift(found.findings);
}

/** What a gateway file itself meets. */
export function gatewayFileWarnings(file: string, sources: Sources): readonly PolicyFinding[] {
  const found = new HostFindings(sources);
  gatewayWarnings(file, found);
  return found.findings;
}

const NONE: ReadonlyMap<SelectorKey, string> = new Map();
