import { CAUSES, isSelectorKey, type SelectorKey } from '@portcullis/core';
import { child, itemsOf, textOf, type DocNode } from '../document/node.js';
import { quote } from '../findings/escape.js';
import type { FindingList } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import { didYouMean } from '../findings/suggest.js';
import { grantOf } from '../source/parse-rule.js';
import type { Rule } from '../source/rule.js';
import type { ExpectedMiss, Expectation } from './policy-test.js';

type Role = 'enforced' | 'shadow' | 'allow' | 'limited';

/** Reads what cases expect, and holds the rules that they name against those of the policy. */
export class ExpectationReader {
  readonly #rules: readonly Rule[];
  readonly #source: SourceText;
  readonly #findings: FindingList;

  constructor(rules: readonly Rule[], source: SourceText, findings: FindingList) {
    this.#rules = rules;
    this.#source = source;
    this.#findings = findings;
  }

  read(node: DocNode): Expectation {
    const decision = textOf(node, 'decision');
    const cause = CAUSES.find((one) => one === textOf(node, 'cause'));
    const rule = child(node, 'rule');
    const grant = child(node, 'grant');
    const nearest = child(node, 'nearest');
    return Object.freeze({
      ...((decision === 'allow' || decision === 'deny') && { decision }),
      ...(cause !== undefined && { cause }),
      ...(rule !== undefined && { rule: this.#rule(rule, 'enforced') }),
      ...(child(node, 'rules') !== undefined && { rules: itemsOf(node, 'rules').map((item) => this.#rule(item, 'enforced')) }),
      ...(grant !== undefined && { grant: grantOf(grant) }),
      ...(child(node, 'shadow') !== undefined && { shadow: itemsOf(node, 'shadow').map((item) => this.#rule(item, 'shadow')) }),
      ...(nearest !== undefined && { nearest: this.#nearest(nearest) }),
    });
  }

  /** The id of a rule that has a limit. */
  limited(node: DocNode): string {
    return this.#rule(node, 'limited');
  }

  #nearest(node: DocNode): ExpectedMiss | null {
    if (node.kind === 'scalar') return node.value === null ? null : { rule: this.#rule(node, 'allow') };
    const rule = child(node, 'rule');
    const failed = child(node, 'failed') === undefined ? undefined : itemsOf(node, 'failed').map((item) => this.#key(item)).filter((key) => key !== undefined);
    return { rule: rule === undefined ? '' : this.#rule(rule, 'allow'), ...(failed !== undefined && { failed }) };
  }

  #rule(node: DocNode, role: Role): string {
    const id = node.kind === 'scalar' ? String(node.value) : '';
    const able = this.#rules.filter((rule) => plays(rule, role)).map((rule) => rule.id);
    if (!able.includes(id)) {
      const other = this.#rules.some((rule) => rule.id === id) ? `is not ${ROLES[role]}` : 'is not a rule of the policy';
      this.#findings.report('TEST_UNKNOWN_RULE', this.#source, node, `${quote(id)} ${other}`, didYouMean(id, able));
    }
    return id;
  }

  #key(node: DocNode): SelectorKey | undefined {
    const key = node.kind === 'scalar' ? String(node.value) : '';
    if (isSelectorKey(key)) return key;
    this.#findings.report('POLICY_SELECTOR_SYNTAX', this.#source, node, `${quote(key)} is not a key`);
    return undefined;
  }
}

const ROLES: Readonly<Record<Role, string>> = { enforced: 'an enforced rule', shadow: 'a shadow rule', allow: 'an enforced allow rule', limited: 'an enforced rule with a limit' };

function plays({ shadow, effect, limit }: Rule, role: Role): boolean {
  if (role === 'limited') return !shadow && limit !== undefined;
  return role === 'shadow' ? shadow : !shadow && (role === 'enforced' || effect === 'allow');
}
