import type { Catalogue } from '@portcullis/core';
import { spanAt, type YamlDocument } from '../document/document.js';
import { child, itemsOf, textOf, type DocNode } from '../document/node.js';
import type { CompiledPolicy } from '../decide/compiled-policy.js';
import { quote } from '../findings/escape.js';
import type { FindingList } from '../findings/finding.js';
import { parseMoment } from '../source/moment.js';
import { KnownNames } from './known-names.js';
import { ExpectationReader } from './parse-expectation.js';
import { PeerReader } from './parse-peer.js';
import { PropertyReader } from './parse-property.js';
import type { PolicyTest, TestCase, Threshold } from './policy-test.js';

/** What a case comes to that names no listener: as in `explain`. */
const DEFAULT_LISTENER = 'default';

/** Reads the parts of a test, which is sound by the schema. Undefined without a clock; all else that is wrong is a finding. */
export function parseTest(document: YamlDocument, policy: CompiledPolicy, catalogue: Catalogue, findings: FindingList): PolicyTest | undefined {
  const { root } = document;
  if (root === undefined) return undefined;
  const names = new KnownNames(policy.rules, document.source, findings);
  const reader = new TestReader(document, policy, catalogue, names, findings);
  const clockMs = reader.clock(root);
  const cases = reader.cases(root, clockMs ?? 0);
  const properties = new PropertyReader(document.source, policy, catalogue, names, findings).read(itemsOf(root, 'properties'));
  if (child(root, 'cases') === undefined && child(root, 'properties') === undefined) {
    findings.report('TEST_EMPTY', document.source, spanAt(root, ['kind']), 'there are neither `cases` nor `properties`');
  }
  if (clockMs === undefined) return undefined;
  return Object.freeze({ file: document.file, policy, clockMs, cases, properties, thresholds: reader.thresholds(child(root, 'coverage')) });
}

class TestReader {
  readonly #document: YamlDocument;
  readonly #findings: FindingList;
  readonly #peers: PeerReader;
  readonly #expectations: ExpectationReader;
  readonly #names: KnownNames;

  constructor(document: YamlDocument, policy: CompiledPolicy, catalogue: Catalogue, names: KnownNames, findings: FindingList) {
    const { source, root } = document;
    this.#document = document;
    this.#findings = findings;
    const peers = child(root, 'peers');
    this.#peers = new PeerReader(peers?.kind === 'map' ? peers.entries : new Map(), catalogue, source, findings);
    this.#peers.readAll();
    this.#expectations = new ExpectationReader(policy.rules, source, findings);
    this.#names = names;
  }

  cases(root: DocNode, clockMs: number): readonly TestCase[] {
    const names = new Set<string>();
    return itemsOf(root, 'cases').map((node) => this.#case(node, clockMs, names)).filter((one) => one !== undefined);
  }

  #case(node: DocNode, clockMs: number, names: Set<string>): TestCase | undefined {
    const name = textOf(node, 'name') ?? '';
    const span = child(node, 'name') ?? node;
    if (names.has(name)) this.#findings.report('TEST_DUPLICATE_CASE', this.#document.source, span, `there is a case ${quote(name)} already`);
    names.add(name);
    const peerNode = child(node, 'peer');
    const peer = peerNode === undefined ? undefined : this.#peers.read(peerNode);
    const expect = this.#expectations.read(child(node, 'expect') ?? node);
    const clock = child(node, 'clock') === undefined ? clockMs : this.clock(node);
    const listener = this.#listener(child(node, 'listener'));
    const exhausted = itemsOf(node, 'exhausted').map((item) => this.#expectations.limited(item));
    if (peer === undefined || clock === undefined) return undefined;
    return Object.freeze({ name, listener, clockMs: clock, peer, exhausted, expect, source: this.#document.source, span });
  }

  /** Listeners of their own are for a rule to name: any other is a listener like those that no rule names. */
  #listener(node: DocNode | undefined): string {
    return node?.kind === 'scalar' ? this.#names.listener(node) : DEFAULT_LISTENER;
  }

  clock(node: DocNode): number | undefined {
    const at = child(node, 'clock');
    if (at?.kind !== 'scalar') return undefined;
    const ms = parseMoment(String(at.value));
    if (ms === undefined) this.#findings.report('TEST_MOMENT', this.#document.source, at, `${quote(String(at.value))} is not a moment in time`);
    return ms;
  }

  thresholds(node: DocNode | undefined): readonly Threshold[] {
    const { source } = this.#document;
    return (['rules', 'branches'] as const).flatMap((of) => {
      const at = child(node, of);
      return at?.kind === 'scalar' && typeof at.value === 'number' ? [{ of, percent: at.value, source, span: at }] : [];
    });
  }
}
