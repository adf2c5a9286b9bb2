import type { DocEntry } from '../document/node.js';
import { quote } from '../findings/escape.js';
import type { FindingList, Span } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import { didYouMean } from '../findings/suggest.js';
import { group, type Condition } from './condition.js';

/** Sets may use sets, this deep. */
const MAX_NESTING = 16;

interface NamedSet {
  readonly entry: DocEntry;
  readonly source: SourceText;
  used: boolean;
  /** `open` while it is being read: whoever meets it then has found a cycle. */
  state: 'unread' | 'open' | 'read';
  condition: Condition | undefined;
}

/** Where `use` finds the condition of a set; what is wrong with it is a finding. */
export interface SetLookup {
  resolve(name: string, source: SourceText, span: Span): Condition | undefined;
}

/** The sets of a policy, of all its files. Each is read once, where it is used first. */
export class SetResolver implements SetLookup {
  readonly #sets = new Map<string, NamedSet>();
  readonly #findings: FindingList;
  readonly #parse: (entry: DocEntry, source: SourceText) => Condition | undefined;
  readonly #path: string[] = [];

  constructor(findings: FindingList, parse: (entry: DocEntry, source: SourceText) => Condition | undefined) {
    this.#findings = findings;
    this.#parse = parse;
  }

  define(entry: DocEntry, source: SourceText): void {
    const taken = this.#sets.get(entry.key);
    if (taken === undefined) {
      this.#sets.set(entry.key, { entry, source, used: false, state: 'unread', condition: undefined });
      return;
    }
    const { file, line } = taken.source.placeAt(taken.entry.offset);
    this.#findings.report('POLICY_DUPLICATE_SET', source, entry, `the set ${quote(entry.key)} is defined in ${quote(`${file}:${String(line)}`)} already`);
  }

  /** The condition of a set; undefined where it is unknown, part of a cycle, or has an error of its own. */
  resolve(name: string, source: SourceText, span: Span): Condition | undefined {
    const set = this.#sets.get(name);
    if (set === undefined) {
      this.#findings.report('POLICY_UNKNOWN_SET', source, span, `there is no set ${quote(name)}`, didYouMean(name, this.#sets.keys()));
      return undefined;
    }
    set.used = true;
    if (set.state === 'open') {
      const cycle = [...this.#path.slice(this.#path.indexOf(name)), name].join(' → ');
      this.#findings.report('POLICY_SET_CYCLE', source, span, `the set ${quote(name)} uses itself: ${cycle}`);
      return undefined;
    }
    if (set.state === 'unread') this.#read(name, set, source, span);
    return set.condition;
  }

  /** Reads what no rule used, for its errors, and says that it is unused. */
  finish(): void {
    for (const [name, set] of this.#sets) {
      if (set.used) continue;
      // With errors about, rules may be missing that use it.
      if (this.#findings.isSound()) this.#findings.report('POLICY_UNUSED_SET', set.source, set.entry, `no rule uses the set ${quote(name)}`);
      this.resolve(name, set.source, set.entry);
    }
  }

  #read(name: string, set: NamedSet, source: SourceText, span: Span): void {
    if (this.#path.length >= MAX_NESTING) {
      this.#findings.report('POLICY_TOO_COMPLEX', source, span, `sets use sets more than ${String(MAX_NESTING)} deep`);
      return;
    }
    set.state = 'open';
    this.#path.push(name);
    const condition = this.#parse(set.entry, set.source);
    this.#path.pop();
    set.state = 'read';
    if (condition === undefined) return;
    const named = condition.kind === 'test' ? group('all', Object.freeze([condition]), name) : { ...condition, set: name };
    set.condition = Object.freeze(named);
  }
}
