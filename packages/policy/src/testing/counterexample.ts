import { escapeJson, type Evidenced, type SelectorKey, type SelectorValue } from '@portcullis/core';
import type { CompiledPolicy } from '../decide/compiled-policy.js';
import { askedKeys } from './properties/atoms.js';
import type { Counterexample } from './properties/decide-property.js';
import type { Property } from './policy-test.js';

/**
 * A counterexample as a case that can be pasted below `cases`: it fails while the property does. Values of sensitive keys
 * are masked (I10), and it says so.
 */
export function formatCounterexample(property: Property, { listener, nowMs, peer }: Counterexample, policy: CompiledPolicy): string {
  const sensitive = sensitiveKeys(policy, property);
  const known = [...peer].filter(([, { state }]) => state !== 'unknown');
  const unknown = [...peer].filter(([, { state }]) => state === 'unknown').map(([key]) => key);
  const masked = known.filter(([key, { state }]) => state === 'present' && sensitive.has(key)).map(([key]) => key);
  const lines = [
    `- name: ${text(`counterexample: ${property.name}`)}`,
    `  listener: ${listener}`,
    `  clock: ${new Date(nowMs).toISOString()}`,
    `  peer:${peer.size === 0 ? ' {}' : ''}`,
    ...known.map(([key, evidenced]) => `    ${key}: ${masked.includes(key) ? '"***"' : spell(evidenced)}`),
    ...(unknown.length === 0 ? [] : [`    unknown: [${unknown.join(', ')}]`]),
    `  expect: { ${expectation(property)} }`,
  ];
  return [...notes(property, masked), ...lines].join('\n');
}

function notes({ kind, grant }: Property, masked: readonly SelectorKey[]): readonly string[] {
  return [
    ...masked.map((key) => `# ${key} is masked: put a value of the policy in place of ***`),
    ...(kind === 'never' && grant !== undefined ? ['# to allow it with another grant keeps the property as well'] : []),
  ];
}

/** Of a `never`, the opposite: that is what the property wants of this peer. */
function expectation({ kind, decision, grant }: Property): string {
  const wanted = kind === 'always' ? decision : decision === 'allow' ? 'deny' : 'allow';
  return `decision: ${wanted}${kind === 'always' && grant !== undefined ? `, grant: ${escapeJson(JSON.stringify(grant))}` : ''}`;
}

function spell(evidenced: Evidenced): string {
  if (evidenced.state !== 'present') return 'null';
  const [only] = evidenced.values;
  return evidenced.values.length === 1 && only !== undefined ? value(only) : `[${evidenced.values.map(value).join(', ')}]`;
}

function value(one: SelectorValue): string {
  return typeof one === 'string' ? text(one) : String(one);
}

/** Quoted as JSON, which is YAML too, and safe to show (I11). */
function text(one: string): string {
  return escapeJson(JSON.stringify(one));
}

function sensitiveKeys(policy: CompiledPolicy, { where }: Property): ReadonlySet<SelectorKey> {
  const sensitive = new Set<SelectorKey>();
  for (const [key, { definition }] of askedKeys([...policy.rules.flatMap(({ when, limit }) => [when, ...(limit?.tests ?? [])]), ...(where === undefined ? [] : [where])])) if (definition.sensitive === true) sensitive.add(key);
  return sensitive;
}
