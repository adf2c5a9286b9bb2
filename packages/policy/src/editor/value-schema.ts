import type { ValueType } from '@portcullis/core';
import type { JsonSchema } from './json-schema.js';

/** As `path-spelling.ts` has them: paths that are seen, and patterns of such. */
const SEEN = '(/|(/\\.\\.)+|(/\\.\\.)*(/(?!\\.\\.?(/|$))[^/]+)+)$';
const SEEN_GLOB = '^(/|[^/]*(/(\\.\\.|[^/]*[*?][^/]*))*(/(?!\\.\\.?(/|$))[^/]+)*)$';
const SEEN_PREFIX = '^[^/]*(/\\.\\.)*(/(?!\\.\\.?/)[^/]+)*(/[^/]*)?$';
const UNSEEN = 'no path is seen with `//`, `/./`, `..` behind a name, or a slash at its end';

/** One value. */
export function valueSchema(value: ValueType): JsonSchema {
  return value.type === 'enum' ? { enum: value.values } : { type: jsonType(value), ...bounds(value) };
}

/** What stands behind a key in an evidence file: a value, a list of values, or `null` for absent. */
export function evidenceSchema(value: ValueType, one: JsonSchema): JsonSchema {
  return oneOrMore(value, ['null', 'array'], { minItems: 1, items: one });
}

/** What stands behind a key in a condition: a value, a list of values, or an operator. `not` takes another one of these. */
export function matcherSchema(value: ValueType, any: JsonSchema, not?: JsonSchema): JsonSchema {
  const seen = value.type === 'path' ? { pattern: `^${SEEN}`, patternErrorMessage: `expected an absolute path: ${UNSEEN}` } : undefined;
  const one = seen === undefined ? any : { allOf: [any], ...seen };
  const pattern = { type: 'string', minLength: 1, maxLength: 4096, ...(value.type === 'path' && { pattern: '^[/*?]', patternErrorMessage: 'expected a pattern of an absolute path' }) };
  return oneOrMore(value, ['array', 'object'], {
    ...seen,
    minItems: 1,
    items: one,
    minProperties: 1,
    maxProperties: 1,
    additionalProperties: false,
    properties: {
      ...(not !== undefined && { exists: { type: 'boolean', description: '`true`: the peer has a value; `false`: it was looked, and there is none' } }),
      in: { type: 'array', minItems: 1, items: one, description: 'any of these values' },
      ...((value.type === 'text' || value.type === 'path') && {
        glob: {
          ...pattern, description: '`*` is a run of characters without `/`, `**` one with `/` as well, `?` one character but `/`',
          allOf: [{ pattern: '^[^\\[\\]{}\\\\]+$', patternErrorMessage: 'a glob knows `*`, `**` and `?`: no classes, braces or escapes' }, ...(seen === undefined ? [] : [{ pattern: SEEN_GLOB, patternErrorMessage: UNSEEN }])],
        },
        prefix: { ...pattern, description: 'how the value begins', ...(seen !== undefined && { allOf: [{ pattern: SEEN_PREFIX, patternErrorMessage: UNSEEN }] }) },
      }),
      ...(value.type === 'uint' && { range: { type: 'array', minItems: 2, maxItems: 2, items: one, description: 'from, to; both included' } }),
      ...(not !== undefined && { not: { description: 'no value of the peer matches this; false where there is none', allOf: [not] } }),
    },
  });
}

/** How a value is spelled behind its key, `unix:uid:1000`, as a regular expression; a number's greatest is not looked at. */
export function spelling(value: ValueType): string {
  switch (value.type) {
    case 'uint':
      return '(0|[1-9][0-9]*)$';
    case 'boolean':
      return '(true|false)$';
    case 'enum':
      return `(${value.values.map(escapePattern).join('|')})$`;
    case 'path':
      return SEEN;
    case 'digest':
      return digestPattern(value);
    case 'text':
    case 'name':
      return '[^\\x00]';
  }
}

function digestPattern({ prefix = '', length }: { readonly prefix?: string; readonly length: number }): string {
  return `${escapePattern(prefix)}[0-9a-f]{${String(length)}}$`;
}

/** Keywords of draft-07 speak of their own type only, so no alternatives are needed, which editors tell badly of; but for `enum`. */
function oneOrMore(value: ValueType, others: readonly string[], more: JsonSchema): JsonSchema {
  if (value.type === 'enum') return { anyOf: [valueSchema(value), { type: others, ...more }] };
  return { type: [jsonType(value), ...others], ...bounds(value), ...more };
}

function jsonType({ type }: ValueType): string {
  return type === 'uint' ? 'integer' : type === 'boolean' ? type : 'string';
}

function bounds(value: ValueType): JsonSchema {
  switch (value.type) {
    case 'uint':
      return { minimum: 0, maximum: value.max };
    case 'path':
      return { pattern: '^/', patternErrorMessage: 'expected an absolute path' };
    case 'digest': {
      const { prefix = '', length } = value;
      return { pattern: `^${digestPattern(value)}`, patternErrorMessage: `expected ${prefix === '' ? '' : `${prefix} and `}${String(length)} lower-case hex digits` };
    }
    case 'text':
    case 'name':
      return { minLength: 1 };
    case 'boolean':
    case 'enum':
      return {};
  }
}

/** Text as it stands, in a regular expression with or without the `u` flag: a dash is not escaped outside of classes. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
