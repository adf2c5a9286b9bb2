import { formatSelector, type Decision } from '@portcullis/core';
import { escapeText } from '../findings/escape.js';
import type { FormatOptions } from '../findings/format-finding.js';
import type { ConditionExplanation, Explanation, RuleExplanation, TestExplanation, TruthName } from './explain.js';

const RED = 31;
const GREEN = 32;
const YELLOW = 33;
const DIM = 2;
const COLOURS: Readonly<Record<TruthName, number>> = { true: GREEN, false: RED, unknown: YELLOW };
const MARKS: Readonly<Record<TruthName, string>> = { true: '+', false: '-', unknown: '?' };

/**
 * An explanation for people, one line a condition: `+` holds, `-` does not, `?` unknown. No line break at the end; all
 * foreign text is escaped (I11).
 */
export function formatExplanation(explanation: Explanation, options: FormatOptions = {}): string {
  const writer = new Writer(options);
  writer.decision(explanation.decision, explanation.listener);
  for (const rule of explanation.rules) writer.rule(rule);
  if (explanation.omitted > 0) writer.line(0, `… ${String(explanation.omitted)} more rules`);
  return writer.text();
}

class Writer {
  readonly #lines: string[] = [];
  readonly #color: boolean;

  constructor({ color }: FormatOptions) {
    this.#color = color === true;
  }

  text(): string {
    return this.#lines.join('\n');
  }

  line(depth: number, text: string): void {
    this.#lines.push(`${'  '.repeat(depth)}${text}`);
  }

  decision({ effect, cause, rules, reason, grant }: Decision, listener: string): void {
    const by = rules.length === 0 ? '' : ` by ${rules.join(', ')}`;
    this.line(0, `${this.#paint(effect, effect === 'allow' ? GREEN : RED)} on listener ${escapeText(listener)}: ${cause}${by}`);
    if (reason !== undefined) this.line(1, `reason: ${escapeText(reason)}`);
    if (Object.keys(grant).length > 0) this.line(1, `grant: ${escapeText(JSON.stringify(grant))}`);
  }

  rule(rule: RuleExplanation): void {
    const notes = [
      ...(rule.shadow ? ['shadow'] : []),
      ...(rule.inactive === undefined ? [] : [rule.inactive]),
      ...(rule.determining ? ['determining'] : []),
    ];
    const suffix = notes.length === 0 ? '' : ` (${notes.join(', ')})`;
    const { file, line } = rule.place;
    const where = this.#paint(`${escapeText(file)}:${String(line)}`, DIM);
    this.line(0, '');
    this.line(0, `${this.#mark(rule.truth)} ${rule.effect} ${rule.id}${suffix}  ${where}`);
    this.#condition(rule.condition, 1);
    for (const guard of rule.guards) this.#test(guard, 1);
  }

  #condition(condition: ConditionExplanation, depth: number): void {
    if (condition.kind === 'test') {
      this.#test(condition, depth);
      return;
    }
    const set = condition.set === undefined ? '' : ` (set ${condition.set})`;
    this.line(depth, `${this.#mark(condition.truth)} ${condition.kind}${set}`);
    for (const part of condition.parts) this.#condition(part, depth + 1);
    if (condition.omitted > 0) this.line(depth + 1, `… ${String(condition.omitted)} more conditions`);
  }

  #test(test: TestExplanation, depth: number): void {
    const { line, column } = test.place;
    const where = this.#paint(`${String(line)}:${String(column)}`, DIM);
    const tier = test.tier === undefined ? '' : ` [${test.tier}]`;
    this.line(depth, `${this.#mark(test.truth)} ${test.key} ${escapeText(test.expected)}: ${observed(test)}${tier}  ${where}`);
  }

  #mark(truth: TruthName): string {
    return this.#paint(MARKS[truth], COLOURS[truth]);
  }

  #paint(text: string, colour: number): string {
    return this.#color ? `\u001b[${String(colour)}m${text}\u001b[0m` : text;
  }
}

function observed(test: TestExplanation): string {
  const values = test.observed.map((value) => escapeText(formatSelector({ key: test.key, value }).slice(test.key.length + 1, test.key.length + 257))).join(', ');
  switch (test.state) {
    case 'present':
      return `is ${values}`;
    case 'too-weak':
      return `${values === '' ? 'absent' : `is ${values}`}, but too weak for this rule`;
    case 'absent':
      return 'absent';
    case 'unknown':
      return `unknown (${test.why ?? 'system-error'})`;
    case 'not-collected':
      return 'not collected';
  }
}
