import type { DocEntry, DocMap, DocNode, DocScalar } from '../document/node.js';
import { Malformed, type ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';

const KIND = { null: 0, false: 1, true: 2, text: 3, natural: 4, other: 5, list: 6, map: 7, again: 8 } as const;

/** Words of trees, each once: keys, values, and numbers that are no natural ones. */
export class WordTable {
  readonly words: string[] = [];
  readonly #indices = new Map<string, number>();

  indexOf(word: string): number {
    let index = this.#indices.get(word);
    if (index === undefined) this.#indices.set(word, (index = this.words.push(word) - 1));
    return index;
  }
}

/** Writes a tree in one pass. A node that stands in several places, as aliases make it, is written once. */
export class TreeWriter {
  readonly #out: ByteWriter;
  readonly #words: WordTable;
  readonly #written = new Map<DocNode, number>();
  #last = 0;

  constructor(out: ByteWriter, words: WordTable) {
    this.#out = out;
    this.#words = words;
  }

  write(node: DocNode): void {
    if (node.kind === 'scalar') {
      this.#scalar(node);
      return;
    }
    const known = this.#written.get(node);
    if (known !== undefined) {
      this.#out.number(KIND.again);
      this.#out.number(known);
      return;
    }
    this.#out.number(node.kind === 'list' ? KIND.list : KIND.map);
    this.#span(node);
    if (node.kind === 'list') {
      this.#out.number(node.items.length);
      for (const item of node.items) this.write(item);
    } else {
      this.#out.number(node.entries.size);
      for (const entry of node.entries.values()) {
        this.#out.number(this.#words.indexOf(entry.key));
        this.#span(entry);
        this.write(entry.value);
      }
    }
    // Counted when they end, as the reader does.
    this.#written.set(node, this.#written.size);
  }

  #scalar(node: DocScalar): void {
    const { value } = node;
    if (value === null || typeof value === 'boolean') {
      this.#out.number(value === null ? KIND.null : value ? KIND.true : KIND.false);
      this.#span(node);
    } else if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)) {
      this.#out.number(KIND.natural);
      this.#span(node);
      this.#out.number(value);
    } else {
      this.#out.number(typeof value === 'string' ? KIND.text : KIND.other);
      this.#span(node);
      this.#out.number(this.#words.indexOf(String(value)));
    }
  }

  /** Places are told from the place before, which is near: forwards as even numbers, backwards as odd ones. */
  #span({ offset, length }: { readonly offset: number; readonly length: number }): void {
    const step = offset - this.#last;
    this.#last = offset;
    this.#out.number(step >= 0 ? step * 2 : -step * 2 - 1);
    this.#out.number(length);
  }
}

export interface TreeLimits {
  readonly maxDepth: number;
  /** Nodes, those that stand in several places counted in each. */
  readonly maxNodes: number;
  /** Of the source, in UTF-16 units: no place lies beyond it. */
  readonly textLength: number;
}

/** Reads a tree from bytes that anybody may have written: whatever they are, it is as sound as one of YAML, or none. @throws Malformed */
export class TreeReader {
  readonly #in: ByteReader;
  readonly #words: readonly string[];
  readonly #limits: TreeLimits;
  readonly #read: { readonly node: DocNode; readonly size: number; readonly depth: number }[] = [];
  #last = 0;
  #nodes = 0;
  /** The deepest level below the node that is being read. */
  #deepest = 0;

  constructor(bytes: ByteReader, words: readonly string[], limits: TreeLimits) {
    this.#in = bytes;
    this.#words = words;
    this.#limits = limits;
  }

  read(): DocNode {
    return this.#node(0);
  }

  #node(depth: number): DocNode {
    if (depth > this.#limits.maxDepth) throw new Malformed('it nests too deeply');
    this.#count(1);
    this.#deepest = Math.max(this.#deepest, depth);
    const kind = this.#in.number();
    if (kind === KIND.again) return this.#again(depth);
    if (kind > KIND.map) throw new Malformed('a node is of no kind');
    const span = this.#span();
    if (kind < KIND.list) return { kind: 'scalar', value: this.#value(kind), ...span };
    const [nodes, deepest] = [this.#nodes, this.#deepest];
    this.#deepest = depth;
    const node: DocNode = kind === KIND.list ? { kind: 'list', items: this.#items(depth), ...span } : { kind: 'map', entries: this.#entries(depth), ...span };
    this.#read.push({ node, size: this.#nodes - nodes + 1, depth: this.#deepest - depth });
    this.#deepest = Math.max(this.#deepest, deepest);
    return node;
  }

  #value(kind: number): DocScalar['value'] {
    if (kind === KIND.null) return null;
    if (kind === KIND.false || kind === KIND.true) return kind === KIND.true;
    if (kind === KIND.natural) return this.#in.number();
    const word = this.#word();
    if (kind === KIND.text) return word;
    const value = Number(word);
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) throw new Malformed('a number cannot be held exactly');
    return value;
  }

  #items(depth: number): readonly DocNode[] {
    const items: DocNode[] = [];
    for (let left = this.#in.number(); left > 0; left--) items.push(this.#node(depth + 1));
    return items;
  }

  #entries(depth: number): DocMap['entries'] {
    const entries = new Map<string, DocEntry>();
    for (let left = this.#in.number(); left > 0; left--) {
      const key = this.#word();
      if (entries.has(key)) throw new Malformed('a mapping has one key twice');
      const span = this.#span();
      entries.set(key, { key, ...span, value: this.#node(depth + 1) });
    }
    return entries;
  }

  #again(depth: number): DocNode {
    const earlier = this.#read[this.#in.number()];
    if (earlier === undefined) throw new Malformed('a node refers to none before it');
    this.#count(earlier.size);
    if (depth + earlier.depth > this.#limits.maxDepth) throw new Malformed('it nests too deeply');
    this.#deepest = Math.max(this.#deepest, depth + earlier.depth);
    return earlier.node;
  }

  #word(): string {
    const word = this.#words[this.#in.number()];
    if (word === undefined) throw new Malformed('a word is missing');
    return word;
  }

  #span(): { readonly offset: number; readonly length: number } {
    const step = this.#in.number();
    const offset = this.#last + (step % 2 === 0 ? step / 2 : -(step + 1) / 2);
    const length = this.#in.number();
    if (offset < 0 || offset + length > this.#limits.textLength + 1) throw new Malformed('a place lies outside of the text');
    this.#last = offset;
    return { offset, length };
  }

  #count(nodes: number): void {
    this.#nodes += nodes;
    if (this.#nodes > this.#limits.maxNodes) throw new Malformed('it has too many nodes');
  }
}
