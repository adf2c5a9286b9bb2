import { isSelectorKey, type Catalogue, type Limit, type Rate } from '@portcullis/core';
import { child, itemsOf, textOf, type DocNode } from '../document/node.js';
import { quote } from '../findings/escape.js';
import type { FindingList } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import { suggestKey } from '../findings/suggest-key.js';
import type { Test } from './condition.js';
import { milliseconds } from './duration.js';
import type { RuleLimit } from './rule-limit.js';

/** Reads `limit:`, which is sound by the schema. Undefined where there is none, or a finding. */
export function parseLimit(node: DocNode | undefined, rule: string, source: SourceText, catalogue: Catalogue, findings: FindingList): RuleLimit | undefined {
  if (node === undefined) return undefined;
  const span = { offset: node.offset, length: node.length };
  const items = itemsOf(node, 'key');
  const tests = items.map((item) => parseKey(item, source, catalogue, findings)).filter((one) => one !== undefined);
  const burst = numberOf(child(node, 'burst'));
  const rate = rateOf(textOf(node, 'rate'), burst);
  const concurrent = numberOf(child(node, 'concurrent'));
  const problem = rate === undefined && burst !== undefined ? '`burst` means nothing without `rate`'
    : rate === undefined && concurrent === undefined ? 'the limit needs `rate`, `concurrent` or both' : undefined;
  if (problem !== undefined) findings.report('POLICY_LIMIT', source, child(node, 'burst') ?? { offset: span.offset, length: 1 }, problem);
  if (problem !== undefined || tests.length < items.length) return undefined;
  const key = Object.freeze(tests.map((test) => test.key));
  const id = JSON.stringify([rule, key, rate?.perSecond, rate?.burst, concurrent]);
  const limit: Limit = Object.freeze({ id, rule, key, ...(rate !== undefined && { rate }), ...(concurrent !== undefined && { concurrent }) });
  const expected = [
    ...(rate === undefined ? [] : [textOf(node, 'rate') ?? '', `burst ${String(rate.burst)}`]),
    ...(concurrent === undefined ? [] : [`${String(concurrent)} at once`]),
    `for each ${key.join(' and ')}`,
  ].join(', ');
  return Object.freeze({ limit, expected, tests: Object.freeze(tests), source, span });
}

function parseKey(node: DocNode, source: SourceText, catalogue: Catalogue, findings: FindingList): Test | undefined {
  const key = node.kind === 'scalar' ? String(node.value) : '';
  const definition = isSelectorKey(key) ? catalogue.find(key) : undefined;
  if (!isSelectorKey(key) || definition === undefined) {
    findings.report('POLICY_UNKNOWN_KEY', source, node, `no attestor of this gate has a key ${quote(key)}`, suggestKey(key, catalogue));
    return undefined;
  }
  return Object.freeze({
    kind: 'test', key, definition: definition.key === key ? definition : { ...definition, key }, matcher: EXISTS,
    expected: 'known, to be counted by', source, span: { offset: node.offset, length: node.length }, size: 1,
  });
}

const EXISTS = Object.freeze({ op: 'exists', exists: true } as const);

/** `20/s`, by the schema's pattern. Without `burst`, as many as the rate names may come at once. */
function rateOf(text: string | undefined, burst: number | undefined): Rate | undefined {
  if (text === undefined) return undefined;
  const [count = '', unit = ''] = text.split('/');
  return Object.freeze({ perSecond: (Number(count) * 1000) / milliseconds(`1${unit}`), burst: burst ?? Number(count) });
}

function numberOf(node: DocNode | undefined): number | undefined {
  return node?.kind === 'scalar' && typeof node.value === 'number' ? node.value : undefined;
}
