import type { LeaseTerms } from '@portcullis/core';
import { child, textOf, type DocNode } from '../document/node.js';
import type { Condition } from './condition.js';
import { milliseconds } from './duration.js';

/** What `lease:` and `handoff:` say, of a document or of a rule; what they do not say is somebody else's to fill in. */
export interface LeaseWords extends Omit<Partial<LeaseTerms>, 'handoff'> {
  readonly handoff?: 'allow' | 'deny';
}

/** Reads `lease:` and `handoff:` below `node`, which is sound by the schema. */
export function parseLease(node: DocNode | undefined): LeaseWords {
  const lease = child(node, 'lease');
  const onPeerExit = revokeOrIgnore(textOf(lease, 'onPeerExit'));
  const onExec = revokeOrIgnore(textOf(lease, 'onExec'));
  const reverify = textOf(lease, 'reverify');
  const handoff = textOf(node, 'handoff');
  return {
    ...(onPeerExit !== undefined && { onPeerExit }),
    ...(onExec !== undefined && { onExec }),
    ...(reverify !== undefined && { reverifyMs: milliseconds(reverify) }),
    ...((handoff === 'allow' || handoff === 'deny') && { handoff }),
  };
}

/** `words` before `defaults`; an exec matters where the rule names a program. Frozen. */
export function termsOf(words: LeaseWords, defaults: LeaseWords, when: Condition): LeaseTerms {
  const { handoff, ...said } = { ...defaults, ...words };
  return Object.freeze({ onPeerExit: 'revoke', onExec: namesProgram(when) ? 'revoke' : 'ignore', ...said, ...(handoff === 'deny' && { handoff }) });
}

/** The terms of a connection that several rules allow: each keeps what it asks for. */
export function strictest(all: readonly LeaseTerms[]): LeaseTerms {
  const intervals = all.flatMap(({ reverifyMs }) => reverifyMs ?? []);
  return Object.freeze({
    onPeerExit: all.some(({ onPeerExit }) => onPeerExit === 'revoke') ? 'revoke' : 'ignore',
    onExec: all.some(({ onExec }) => onExec === 'revoke') ? 'revoke' : 'ignore',
    ...(intervals.length > 0 && { reverifyMs: Math.min(...intervals) }),
    ...(all.some(({ handoff }) => handoff === 'deny') && { handoff: 'deny' }),
  });
}

function revokeOrIgnore(text: string | undefined): 'revoke' | 'ignore' | undefined {
  return text === 'revoke' || text === 'ignore' ? text : undefined;
}

/** Whether a condition says anything of the program that runs. */
export function namesProgram(condition: Condition, seen = new Set<Condition>()): boolean {
  if (seen.has(condition)) return false;
  seen.add(condition);
  if (condition.kind === 'test') return condition.definition.program === true;
  return condition.conditions.some((part) => namesProgram(part, seen));
}

/** Whether nobody can match a condition, or with `negated` fail to, without being asked for the program that runs. */
export function alwaysNamesProgram(condition: Condition, negated = false): boolean {
  if (condition.kind === 'test') return condition.definition.program === true;
  const inner = condition.kind === 'none' ? !negated : negated;
  const one = (part: Condition): boolean => alwaysNamesProgram(part, inner);
  // Of what has to hold all together, one that names it is enough.
  return (condition.kind === 'any') === negated ? condition.conditions.some(one) : condition.conditions.every(one);
}
