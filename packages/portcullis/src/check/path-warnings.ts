import { escapeText } from '@portcullis/core';
import type { CompiledPolicy, Condition } from '@portcullis/policy';
import { whyReplaceable } from './replaceable.js';

type Matcher = Extract<Condition, { kind: 'test' }>['matcher'];

/** Enforced rules that name a program by a path where somebody other than root can put another one. */
export function pathWarnings({ rules }: CompiledPolicy): readonly string[] {
  return rules.filter(({ shadow }) => !shadow).flatMap(({ effect, id, when }) => [...pathsOf(when)].flatMap((path) => {
    const why = whyReplaceable(path);
    return why === undefined ? [] : [`HOST_PATH_REPLACEABLE ${effect} rule \`${id}\` names \`unix:path\` \`${escapeText(path)}\`, which others than root can replace: ${escapeText(why)}`];
  }));
}

/** The exact paths below a condition, negated ones too: both trust that the path is that program. */
function pathsOf(condition: Condition, into = new Set<string>()): ReadonlySet<string> {
  if (condition.kind !== 'test') for (const part of condition.conditions) pathsOf(part, into);
  else if (condition.key === 'unix:path') for (const value of exactOf(condition.matcher)) into.add(String(value));
  return into;
}

function exactOf(matcher: Matcher): Iterable<unknown> {
  if (matcher.op === 'not') return exactOf(matcher.matcher);
  return matcher.op === 'exact' ? matcher.values : [];
}
