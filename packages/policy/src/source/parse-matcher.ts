import { valueProblem, type SelectorDefinition, type SelectorValue } from '@portcullis/core';
import { Glob } from '../compile/glob.js';
import type { DocNode, DocScalar } from '../document/node.js';
import { octalProblem } from '../document/octal.js';
import { quote } from '../findings/escape.js';
import type { FindingList } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import { didYouMean } from '../findings/suggest.js';
import type { Matcher } from './condition.js';
import { OneValue } from './one-value.js';
import { patternSpelling, valueSpelling } from './path-spelling.js';

export interface ParsedMatcher {
  readonly matcher: Matcher;
  /** As the policy spells it. */
  readonly expected: string;
}

/** How much of a long list is spelled out in explanations. */
const MAX_SPELLED = 8;

/** Reads what a condition asks of one key, typed by the key's definition. Every problem is a finding; undefined then. */
export class MatcherParser {
  readonly #source: SourceText;
  readonly #findings: FindingList;

  constructor(source: SourceText, findings: FindingList) {
    this.#source = source;
    this.#findings = findings;
  }

  parse(node: DocNode, definition: SelectorDefinition): ParsedMatcher | undefined {
    if (node.kind === 'scalar') return this.#values([node], definition);
    if (node.kind === 'list') return this.#values(node.items, definition);
    const [entry, second] = node.entries.values();
    if (entry === undefined) return undefined;
    if (second !== undefined) {
      this.#findings.report('POLICY_OPERATOR', this.#source, second, `${quote(definition.key)} has two operators: ${quote(entry.key)} and ${quote(second.key)}`);
      return undefined;
    }
    const { key: operator, value } = entry;
    switch (operator) {
      case 'exists':
        if (value.kind !== 'scalar' || typeof value.value !== 'boolean') return undefined;
        return { matcher: { op: 'exists', exists: value.value }, expected: value.value ? 'exists' : 'absent' };
      case 'in':
        return value.kind === 'list' ? this.#values(value.items, definition) : undefined;
      case 'glob':
      case 'prefix':
        return value.kind === 'scalar' ? this.#pattern(operator, value, definition) : undefined;
      case 'range':
        return this.#range(value, definition);
      case 'not':
        return this.#not(value, definition);
      default:
        this.#findings.report('POLICY_OPERATOR', this.#source, entry, `${quote(operator)} is not an operator`, didYouMean(operator, OPERATORS));
        return undefined;
    }
  }

  #values(nodes: readonly DocNode[], definition: SelectorDefinition): ParsedMatcher | undefined {
    const values = new Set<SelectorValue>();
    let sound = true;
    for (const node of nodes) {
      const value = this.#value(node, definition);
      if (value === undefined) sound = false;
      else values.add(value);
    }
    if (!sound || values.size === 0) return undefined;
    const [only] = values;
    return { matcher: { op: 'exact', values: values.size === 1 && only !== undefined ? new OneValue(only) : values }, expected: spellValues(values) };
  }

  #value(node: DocNode, definition: SelectorDefinition): SelectorValue | undefined {
    const value = node.kind === 'scalar' ? node.value : undefined;
    const octal = octalProblem(this.#source, node);
    if (octal !== undefined) this.#findings.report('YAML_NUMBER', this.#source, node, octal);
    const problem = valueProblem(definition.value, value);
    const spelling = problem === undefined ? valueSpelling(definition, value) : undefined;
    if (spelling !== undefined) {
      this.#findings.report('POLICY_VALUE_TYPE', this.#source, node, `${quote(definition.key)}: ${spelling.problem}`, spelling.suggestion);
      return undefined;
    }
    if (problem === undefined) return value ?? undefined;
    this.#findings.report('POLICY_VALUE_TYPE', this.#source, node, `${quote(definition.key)}: ${problem}`, hint(definition, value));
    return undefined;
  }

  #pattern(op: 'glob' | 'prefix', node: DocScalar, definition: SelectorDefinition): ParsedMatcher | undefined {
    if (!this.#allows(op, node, definition) || typeof node.value !== 'string') return undefined;
    const text = node.value;
    const problem = patternProblem(op, text, definition);
    if (problem !== undefined) {
      this.#findings.report('POLICY_VALUE_TYPE', this.#source, node, `${quote(definition.key)}: ${problem}`);
      return undefined;
    }
    return { matcher: op === 'glob' ? { op, glob: new Glob(text) } : { op, prefix: text }, expected: `${op} ${text}` };
  }

  #range(node: DocNode, definition: SelectorDefinition): ParsedMatcher | undefined {
    if (!this.#allows('range', node, definition) || node.kind !== 'list') return undefined;
    const [low, high] = node.items;
    if (low === undefined || high === undefined) return undefined;
    const from = this.#value(low, definition);
    const to = this.#value(high, definition);
    if (typeof from !== 'number' || typeof to !== 'number') return undefined;
    if (from > to) {
      this.#findings.report('POLICY_EMPTY_RANGE', this.#source, node, `the range from ${String(from)} to ${String(to)} is empty`, `did you mean \`[${String(to)}, ${String(from)}]\`?`);
      return undefined;
    }
    return { matcher: { op: 'range', from, to }, expected: `range ${String(from)}-${String(to)}` };
  }

  #not(node: DocNode, definition: SelectorDefinition): ParsedMatcher | undefined {
    const inner = node.kind === 'map' ? node.entries.keys().next().value : undefined;
    if (inner === 'not' || inner === 'exists') {
      const remedy = inner === 'not' ? 'leave both away' : 'write `exists` with the other value';
      this.#findings.report('POLICY_OPERATOR', this.#source, node, `\`not\` takes a value, a list, \`in\`, \`glob\`, \`prefix\` or \`range\`, not ${quote(inner)}`, remedy);
      return undefined;
    }
    const parsed = this.parse(node, definition);
    return parsed === undefined ? undefined : { matcher: { op: 'not', matcher: parsed.matcher }, expected: `not ${parsed.expected}` };
  }

  #allows(op: 'glob' | 'prefix' | 'range', node: DocNode, definition: SelectorDefinition): boolean {
    const { type } = definition.value;
    const allowed = op === 'range' ? type === 'uint' : type === 'text' || type === 'path';
    if (allowed) return true;
    const why = type === 'name' ? 'its names are resolved when the policy loads, so only exact values can be given' : `its values are of type ${type}`;
    this.#findings.report('POLICY_OPERATOR', this.#source, node, `${quote(definition.key)} cannot be matched by \`${op}\`: ${why}`);
    return false;
  }
}

export const OPERATORS = ['exists', 'in', 'glob', 'prefix', 'range', 'not'] as const;

function patternProblem(op: 'glob' | 'prefix', text: string, definition: SelectorDefinition): string | undefined {
  if (text.length === 0) return `an empty ${op} would match ${op === 'glob' ? 'nothing' : 'everything'}`;
  if (text.length > 4096) return `a ${op} may have 4096 characters at most`;
  if (op === 'glob' && /[[\]{}\\]/.test(text)) return 'a glob knows `*`, `**` and `?`: no classes, braces or escapes';
  if (definition.value.type === 'path' && !/^[/*?]/.test(text)) return `expected a ${op} of an absolute path`;
  if (definition.value.type === 'path') return patternSpelling(op, text);
  return undefined;
}

function spellValues(values: ReadonlySet<SelectorValue>): string {
  if (values.size === 1) for (const value of values) return String(value);
  const spelled = [...values].slice(0, MAX_SPELLED).map(String).join(', ');
  return `in [${spelled}${values.size > MAX_SPELLED ? `, … ${String(values.size)} in all` : ''}]`;
}

function hint(definition: SelectorDefinition, value: unknown): string | undefined {
  const { value: type } = definition;
  if (type.type === 'uint' && typeof value === 'string' && /^[0-9]+$/.test(value)) return `write ${value} without quotes`;
  if (type.type === 'boolean' && typeof value === 'string') {
    if (/^(yes|on|y)$/i.test(value)) return 'did you mean `true`? (YAML 1.2 reads it as text)';
    if (/^(no|off|n)$/i.test(value)) return 'did you mean `false`? (YAML 1.2 reads it as text)';
  }
  if (type.type === 'enum' && typeof value === 'string') return didYouMean(value, type.values);
  if (type.type === 'digest' && typeof value === 'string' && valueProblem(type, value.toLowerCase()) === undefined) return 'write it in lower case';
  if (typeof value === 'number' && type.type !== 'uint') return 'quote it: it is text';
  return undefined;
}
