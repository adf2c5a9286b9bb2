import { isSelectorKey, parseSelector, parseValue, type Catalogue, type SelectorDefinition, type SelectorKey } from '@portcullis/core';
import type { DocMap, DocNode, DocScalar } from '../document/node.js';
import { quote } from '../findings/escape.js';
import type { FindingList, Span } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import { suggestKey } from '../findings/suggest-key.js';
import { group, type Condition, type Group, type Test } from './condition.js';
import { OneValue } from './one-value.js';
import { MatcherParser } from './parse-matcher.js';
import { valueSpelling } from './path-spelling.js';
import type { SetLookup } from './sets.js';

const WORDS = ['all', 'any', 'none', 'use'] as const;

/** Reads conditions of one file. The document is sound by the schema; names, keys and values are checked here. */
export class ConditionParser {
  readonly #source: SourceText;
  readonly #catalogue: Catalogue;
  readonly #sets: SetLookup;
  readonly #findings: FindingList;
  readonly #matchers: MatcherParser;

  constructor(source: SourceText, catalogue: Catalogue, sets: SetLookup, findings: FindingList) {
    this.#source = source;
    this.#catalogue = catalogue;
    this.#sets = sets;
    this.#findings = findings;
    this.#matchers = new MatcherParser(source, findings);
  }

  /** Undefined where the condition has an error. All parts are read in any case, so that all errors are found at once. */
  parse(node: DocNode): Condition | undefined {
    if (node.kind === 'scalar') return this.#selector(node);
    if (node.kind === 'list') return undefined;
    return this.#mapping(node);
  }

  /** Several words in one mapping must all hold. */
  #mapping(node: DocMap): Condition | undefined {
    const parts: (Condition | undefined)[] = [];
    for (const entry of node.entries.values()) {
      switch (entry.key) {
        case 'all':
        case 'any':
        case 'none':
          parts.push(this.#group(entry.key, entry.value));
          break;
        case 'use':
          parts.push(this.#sets.resolve(String(entry.value.kind === 'scalar' ? entry.value.value : ''), this.#source, entry.value));
          break;
        default:
          parts.push(this.#test(entry.key, entry, entry.value));
      }
    }
    return join('all', parts);
  }

  #group(kind: Group['kind'], node: DocNode): Condition | undefined {
    if (node.kind !== 'list') return undefined;
    const parts = node.items.map((item) => this.parse(item));
    return join(kind, parts);
  }

  #test(key: string, span: Span, value: DocNode): Test | undefined {
    const definition = this.#define(key, span);
    if (definition === undefined) return undefined;
    const parsed = this.#matchers.parse(value, definition.definition);
    if (parsed === undefined) return undefined;
    return this.#makeTest(definition, span, parsed.matcher, parsed.expected);
  }

  /** The short form: `unix:uid:1000`. */
  #selector(node: DocScalar): Test | undefined {
    const text = String(node.value);
    let parts: ReturnType<typeof parseSelector>;
    try {
      parts = parseSelector(text);
    } catch {
      const word = (WORDS as readonly string[]).includes(text) ? 'a word of the language needs a colon after it' : undefined;
      this.#findings.report('POLICY_SELECTOR_SYNTAX', this.#source, node, `${quote(text)} is not of the form \`source:kind:value\``, word);
      return undefined;
    }
    const definition = this.#define(parts.key, node);
    if (definition === undefined) return undefined;
    const value = parseValue(definition.definition.value, parts.value);
    if (value === undefined) {
      this.#findings.report('POLICY_VALUE_TYPE', this.#source, node, `${quote(parts.value)} is not a value of ${quote(parts.key)}, which is of type ${definition.definition.value.type}`);
      return undefined;
    }
    const spelling = valueSpelling(definition.definition, value);
    if (spelling !== undefined) {
      this.#findings.report('POLICY_VALUE_TYPE', this.#source, node, `${quote(parts.key)}: ${spelling.problem}`, spelling.suggestion);
      return undefined;
    }
    return this.#makeTest(definition, node, { op: 'exact', values: new OneValue(value) }, String(value));
  }

  #define(key: string, span: Span): { readonly key: SelectorKey; readonly definition: SelectorDefinition } | undefined {
    const definition = isSelectorKey(key) ? this.#catalogue.find(key) : undefined;
    if (isSelectorKey(key) && definition !== undefined) return { key, definition: definition.key === key ? definition : { ...definition, key } };
    this.#findings.report('POLICY_UNKNOWN_KEY', this.#source, span, `no attestor of this gate has a key ${quote(key)}`, suggestKey(key, this.#catalogue, WORDS));
    return undefined;
  }

  #makeTest(defined: { readonly key: SelectorKey; readonly definition: SelectorDefinition }, span: Span, matcher: Test['matcher'], expected: string): Test {
    return Object.freeze({
      kind: 'test',
      key: defined.key,
      definition: defined.definition,
      matcher: Object.freeze(matcher),
      expected,
      source: this.#source,
      span: { offset: span.offset, length: span.length },
      size: 1,
    });
  }
}

/** The parts joined, or undefined where one has an error. */
function join(kind: Group['kind'], parts: readonly (Condition | undefined)[]): Condition | undefined {
  const sound = parts.filter((part) => part !== undefined);
  if (sound.length < parts.length || sound.length === 0) return undefined;
  const [only] = sound;
  return sound.length === 1 && only !== undefined && kind !== 'none' ? only : group(kind, Object.freeze(sound));
}
