import { didYouMean, makeFinding, type DocMap, type DocNode, type FindingCode, type PolicyFinding, type SourceText, type Span } from '@portcullis/policy';

/** Findings of one document as it is read. */
export class Findings {
  readonly source: SourceText;
  readonly list: PolicyFinding[] = [];

  constructor(source: SourceText) {
    this.source = source;
  }

  /** Answers undefined, as whatever type was to be read there: what is wrong is not there. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- lets a reader end in one expression
  report<T>(code: FindingCode, span: Span, message: string, suggestion?: string): T | undefined {
    // A caret underlines one line at most.
    const end = this.source.text.indexOf('\n', span.offset);
    const length = end === -1 ? span.length : Math.min(span.length, end - span.offset);
    this.list.push(makeFinding(code, this.source, { offset: span.offset, length }, message, suggestion));
    return undefined;
  }
}

/** The words of one mapping, each asked for once; what nobody asked for is an error. Answers are undefined where there is nothing, or a finding. */
export class Fields {
  readonly #map: DocMap;
  readonly #name: string;
  readonly #findings: Findings;
  readonly #known = new Set<string>();

  private constructor(map: DocMap, name: string, findings: Findings) {
    this.#map = map;
    this.#name = name;
    this.#findings = findings;
  }

  /** @param name as findings shall call the mapping */
  static of(node: DocNode, name: string, findings: Findings): Fields | undefined {
    if (node.kind === 'map') return new Fields(node, name, findings);
    return findings.report('SCHEMA_TYPE', node, `${name} must be a mapping`);
  }

  get span(): Span {
    return this.#map;
  }

  node(word: string): DocNode | undefined {
    this.#known.add(word);
    return this.#map.entries.get(word)?.value;
  }

  has(word: string): boolean {
    this.#known.add(word);
    return this.#map.entries.has(word);
  }

  required(word: string): DocNode | undefined {
    const node = this.node(word);
    return node ?? this.#findings.report('SCHEMA_MISSING', this.#map, `\`${word}\` is missing in ${this.#name}`);
  }

  text(word: string, node = this.node(word)): string | undefined {
    if (node === undefined) return undefined;
    if (node.kind === 'scalar' && typeof node.value === 'string' && node.value !== '') return node.value;
    return this.#findings.report('SCHEMA_TYPE', node, `\`${word}\` must be text`);
  }

  choice<T extends string>(word: string, allowed: readonly T[]): T | undefined {
    const node = this.node(word);
    const text = this.text(word, node);
    if (text === undefined || node === undefined) return undefined;
    const found = allowed.find((one) => one === text);
    return found ?? this.#findings.report('SCHEMA_VALUE', node, `\`${word}\` must be one of ${allowed.map((one) => `\`${one}\``).join(', ')}`, didYouMean(text, allowed));
  }

  /** A number of seconds, as milliseconds. */
  seconds(word: string, least: number): number | undefined {
    const node = this.node(word);
    if (node === undefined) return undefined;
    const value = node.kind === 'scalar' ? node.value : undefined;
    if (typeof value === 'number' && value >= least && value <= 86_400) return Math.round(value * 1000);
    return this.#findings.report('SCHEMA_VALUE', node, `\`${word}\` must be a number of seconds from ${String(least)} to 86400`);
  }

  /** From 1 to `most`. */
  wholeNumber(word: string, most: number): number | undefined {
    const node = this.node(word);
    if (node === undefined) return undefined;
    const value = node.kind === 'scalar' ? node.value : undefined;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
    return this.#findings.report('SCHEMA_VALUE', node, `\`${word}\` must be a whole number from 1 to ${String(most)}`);
  }

  /** Where a word stands. */
  entry(word: string): Span {
    return this.#map.entries.get(word) ?? this.#map;
  }

  boolean(word: string): boolean | undefined {
    const node = this.node(word);
    if (node === undefined) return undefined;
    if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value;
    return this.#findings.report('SCHEMA_TYPE', node, `\`${word}\` must be true or false`);
  }

  items(word: string, node = this.node(word)): readonly DocNode[] | undefined {
    if (node === undefined) return undefined;
    if (node.kind !== 'list') return this.#findings.report('SCHEMA_TYPE', node, `\`${word}\` must be a list`);
    return node.items.length > 0 ? node.items : this.#findings.report('SCHEMA_EMPTY', node, `\`${word}\` is empty`);
  }

  /** To be called last: words that nobody asked for. */
  end(): void {
    for (const [word, entry] of this.#map.entries) {
      if (this.#known.has(word)) continue;
      this.#findings.report('SCHEMA_UNKNOWN_WORD', entry, `\`${word.slice(0, 60)}\` is not a word of the language in ${this.#name}`, didYouMean(word, this.#known));
    }
  }
}
