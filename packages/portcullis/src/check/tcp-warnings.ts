import { trustSuffices, type SelectorKey } from '@portcullis/core';
import type { CompiledPolicy } from '@portcullis/policy';
import type { HostFindings } from './host-findings.js';
import { hostWarnings } from './host-warnings.js';

/** Evidence of a TCP connection is worth this, whatever the catalogue says of the key. */
const TIER_OF_TCP = 'heuristic';

/** What the rules of a listener that is a loopback port meet there and would not on a Unix socket (I4). */
export function tcpWarnings(policy: CompiledPolicy, listener: string, unknowable: ReadonlyMap<SelectorKey, string>, found: HostFindings): void {
  const rules = policy.rules.filter(({ listeners, shadow }) => !shadow && (listeners?.has(listener) ?? true));
  const weak = rules.filter(({ effect, requires }) => effect === 'allow' && !trustSuffices(TIER_OF_TCP, requires));
  for (const rule of weak) {
    found.ofRule('HOST_TCP_TOO_WEAK', rule, `allow rule \`${rule.id}\` requires \`${rule.requires}\`, and what is known of a TCP peer is ${TIER_OF_TCP} at most: on listener \`${listener}\` it allows nobody; listen on a Unix socket, or say \`requires: ${TIER_OF_TCP}\` if that will do`);
  }
  hostWarnings({ rules: rules.filter((rule) => !weak.includes(rule)) }, unknowable, found, `on listener \`${listener}\`, over TCP, `);
}
