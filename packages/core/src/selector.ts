import { PortcullisError } from './errors.js';
import type { TrustTier } from './tiers.js';

/** `source:kind`, e.g. `unix:uid`. The spelling of the field: SPIRE's keys keep their names. */
export type SelectorKey = `${string}:${string}`;

/** Ids are numbers, facts that hold or not are booleans, all else is text. */
export type SelectorValue = string | number | boolean;

/** One typed fact about a peer, spelled `source:kind:value`. */
export interface Selector {
  readonly key: SelectorKey;
  readonly value: SelectorValue;
  readonly tier: TrustTier;
}

/** A source is lower case; a kind may be an environment variable's name (`env:HTTP_PROXY`). */
const KEY = /^[a-z][a-z0-9-]{0,31}:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const KEY_OF_SELECTOR = /^([a-z][a-z0-9-]{0,31}:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}):/;

export function isSelectorKey(text: string): text is SelectorKey {
  return KEY.test(text);
}

/** The kind of a key: `uid` of `unix:uid`. */
export function kindOf(key: SelectorKey): string {
  return key.slice(key.indexOf(':') + 1);
}

/** The source of a key: `unix` of `unix:uid`. */
export function sourceOf(key: SelectorKey): string {
  return key.slice(0, key.indexOf(':'));
}

/**
 * Splits `source:kind:value`. The value is everything after the second colon, untyped: only a
 * catalogue knows whether `1000` is a number (see `Catalogue.parseValue`).
 * @throws PortcullisError `SELECTOR_SYNTAX` when the text has not that shape.
 */
export function parseSelector(text: string): { readonly key: SelectorKey; readonly value: string } {
  const key = KEY_OF_SELECTOR.exec(text)?.[1];
  if (key === undefined) {
    throw new PortcullisError('SELECTOR_SYNTAX', `\`${text.slice(0, 200)}\` is not of the form \`source:kind:value\``);
  }
  return { key: key as SelectorKey, value: text.slice(key.length + 1) };
}

/** The inverse of `parseSelector`: `unix:uid:1000`. */
export function formatSelector(selector: { readonly key: SelectorKey; readonly value: SelectorValue }): string {
  return `${selector.key}:${String(selector.value)}`;
}

/** A total order that is stable over runs and locales: by type, then by value. */
export function compareValues(a: SelectorValue, b: SelectorValue): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const left = `${typeof a}:${String(a)}`;
  const right = `${typeof b}:${String(b)}`;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Sorted and free of duplicates, as every attestor returns its values. */
export function normaliseValues(values: readonly SelectorValue[]): readonly SelectorValue[] {
  if (values.length < 2) return values;
  return [...new Set(values)].sort(compareValues);
}
