import type { Evidence, SelectorKey } from '@portcullis/core';

/**
 * A policy with one allow rule that names every key: it must be exactly what it is in `truth`, of whatever tier. What
 * `truth` does not tell is not asked to be anything.
 */
export function policyOf(truth: Evidence, keys: readonly SelectorKey[]): string {
  const conditions = keys.flatMap((key) => {
    const entry = truth.get(key);
    if (entry === undefined) return [`{ any: [{ "${key}": { exists: true } }, { "${key}": { exists: false } }] }`];
    if (entry.state === 'unknown') return [];
    if (entry.state === 'absent') return [`{ "${key}": { exists: false } }`];
    return entry.values.map((value) => `{ "${key}": ${JSON.stringify(value)} }`);
  });
  return [
    'apiVersion: portcullis/v1', 'kind: AdmissionPolicy', 'metadata: { name: whole }', 'rules:',
    '  - id: as-it-is', '    effect: allow', '    requires: peer-asserted', '    when:', '      all:',
    ...conditions.map((condition) => `        - ${condition}`), '',
  ].join('\n');
}
