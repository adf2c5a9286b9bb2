import type { Catalogue, SelectorKey } from '@portcullis/core';
import type { DocEntry, DocMap, DocNode } from '../document/node.js';
import { itemsOf } from '../document/node.js';
import { EvidenceReader, MentionedEvidence } from '../explain/evidence-reader.js';
import { quote } from '../findings/escape.js';
import type { FindingList, Span } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import { didYouMean } from '../findings/suggest.js';

const WORDS: ReadonlySet<string> = new Set(['from', 'unknown', 'tiers']);

/** Peers may derive from peers, this deep. */
const MAX_DERIVED = 32;

/**
 * Reads the peers of a test: keys as in an evidence file, and `from` another peer, of whom `unknown` keys are forgotten
 * and `tiers` weakened. The document is sound by the schema. A peer with an error is undefined.
 */
export class PeerReader {
  readonly #source: SourceText;
  readonly #findings: FindingList;
  readonly #evidence: EvidenceReader;
  readonly #named: ReadonlyMap<string, DocEntry>;
  readonly #read = new Map<string, MentionedEvidence | undefined>();
  readonly #open: string[] = [];

  constructor(named: ReadonlyMap<string, DocEntry>, catalogue: Catalogue, source: SourceText, findings: FindingList) {
    this.#named = named;
    this.#source = source;
    this.#findings = findings;
    this.#evidence = new EvidenceReader(catalogue, source, findings);
  }

  /** Reads what no case uses too, for its errors. */
  readAll(): void {
    for (const [name, entry] of this.#named) this.#byName(name, entry);
  }

  /** A peer by its name, or written out in place. */
  read(node: DocNode): MentionedEvidence | undefined {
    if (node.kind === 'scalar') return this.#byName(String(node.value), node);
    return node.kind === 'map' ? this.#derive(node) : undefined;
  }

  #byName(name: string, span: Span): MentionedEvidence | undefined {
    const entry = this.#named.get(name);
    if (entry === undefined) {
      this.#findings.report('TEST_UNKNOWN_PEER', this.#source, span, `there is no peer ${quote(name)}`, didYouMean(name, this.#named.keys()));
      return undefined;
    }
    if (this.#open.includes(name) || this.#open.length >= MAX_DERIVED) {
      const path = [...this.#open.slice(Math.max(0, this.#open.indexOf(name))), name].join(' → ');
      this.#findings.report('TEST_PEER_CYCLE', this.#source, span, this.#open.includes(name) ? `the peer ${quote(name)} derives from itself: ${path}` : `peers derive from peers more than ${String(MAX_DERIVED)} deep`);
      return undefined;
    }
    if (!this.#read.has(name)) {
      this.#open.push(name);
      const peer = this.read(entry.value);
      this.#open.pop();
      this.#read.set(name, peer);
    }
    return this.#read.get(name);
  }

  #derive(node: DocMap): MentionedEvidence | undefined {
    const from = node.entries.get('from');
    const base = from === undefined ? new MentionedEvidence() : this.read(from.value);
    const own = this.#evidence.read([...node.entries.values()].filter(({ key }) => !WORDS.has(key)));
    const peer = new MentionedEvidence([...(base ?? []), ...own]);
    for (const item of itemsOf(node, 'unknown')) this.#forget(item, own, peer);
    const tiers = node.entries.get('tiers');
    if (tiers !== undefined) this.#evidence.weaken(tiers, peer);
    return base === undefined ? undefined : peer;
  }

  #forget(item: DocNode, own: MentionedEvidence, peer: MentionedEvidence): void {
    const key = this.#keyOf(item.kind === 'scalar' ? String(item.value) : '', item);
    if (key === undefined) return;
    if ([...own.keys()].includes(key)) this.#findings.report('TEST_PEER_CONFLICT', this.#source, item, `${quote(key)} is said to be unknown, and has a value beside it`);
    peer.delete(key);
  }

  #keyOf(text: string, span: Span): SelectorKey | undefined {
    return this.#evidence.define(text, span)?.key;
  }
}
