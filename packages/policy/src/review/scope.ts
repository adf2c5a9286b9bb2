import { isDeepStrictEqual } from 'node:util';
import { trustSuffices } from '@portcullis/core';
import { namesProgram, strictest } from '../source/lease.js';
import type { Rule } from '../source/rule.js';

/** What a rule says that is thought of here. */
const CONSIDERED: ReadonlySet<string> = new Set([
  'id', 'effect', 'when', 'listeners', 'shadow', 'expiresMs', 'window', 'limit', 'requires', 'skipUnknown', 'grant', 'terms', 'reason', 'annotations', 'source', 'span',
] satisfies (keyof Rule)[]);

/** Whether a rule says nothing that is not thought of here: of others nothing is claimed. */
export function isComparable(rule: Rule): boolean {
  return Object.entries(rule).every(([word, value]) => value === undefined || CONSIDERED.has(word));
}

/** Whether `outer` is in force wherever and whenever `inner` is. */
export function isInForceWith(outer: Rule, inner: Rule): boolean {
  // A rule whose limit is exhausted does not match, and one whose window is closed takes no part.
  if (outer.limit !== undefined || (outer.window !== undefined && outer.window.expected !== inner.window?.expected)) return false;
  return hasListenersOf(outer, inner) && (outer.expiresMs ?? Infinity) >= (inner.expiresMs ?? Infinity);
}

function hasListenersOf(outer: Rule, inner: Rule): boolean {
  if (outer.listeners === undefined) return true;
  if (inner.listeners === undefined) return false;
  for (const listener of inner.listeners) if (!outer.listeners.has(listener)) return false;
  return true;
}

/** Whether a decision is the same without `inner` where `outer` holds as well: its effect, grant and terms. */
export function doesAllOf(outer: Rule, inner: Rule): boolean {
  if (outer.effect !== inner.effect || outer.shadow !== inner.shadow || !isInForceWith(outer, inner)) return false;
  // What denies on unknown evidence is not covered by what lets it pass; and a deny of programs has allows revoke at an exec.
  if (outer.effect === 'deny') return (inner.skipUnknown || !outer.skipUnknown) && (namesProgram(outer.when) || !namesProgram(inner.when));
  return trustSuffices(inner.requires, outer.requires)
    && Object.entries(inner.grant).every(([name, value]) => isDeepStrictEqual(outer.grant[name], value))
    && isDeepStrictEqual(strictest([outer.terms, inner.terms]), strictest([outer.terms]));
}

/** Whether two rules differ in nothing but their names, what they grant, and what they are there for. */
export function isTwinOf(a: Rule, b: Rule): boolean {
  return a.effect === b.effect && a.shadow === b.shadow && a.requires === b.requires && a.skipUnknown === b.skipUnknown
    && isInForceWith(a, b) && isInForceWith(b, a);
}
