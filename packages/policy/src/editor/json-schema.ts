/** A JSON Schema of draft-07, or any part of one. */
export interface JsonSchema {
  readonly [keyword: string]: JsonPart;
}

export type JsonPart = string | number | boolean | null | readonly JsonPart[] | JsonSchema;

/** The same, with every mapping in it passed through `change`, the inner ones first. */
export function mapParts(part: JsonPart, change: (schema: JsonSchema) => JsonPart): JsonPart {
  if (typeof part !== 'object' || part === null) return part;
  if (isList(part)) return part.map((one) => mapParts(one, change));
  return change(Object.fromEntries(Object.entries(part).map(([keyword, inner]) => [keyword, mapParts(inner, change)])));
}

/** The mapping that stands there; an empty one where none does. */
export function partOf(schema: JsonSchema, keyword: string): JsonSchema {
  const part = schema[keyword];
  return typeof part === 'object' && part !== null && !isList(part) ? part : {};
}

/** The same without these keywords. */
export function without(schema: JsonSchema, ...keywords: readonly string[]): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => !keywords.includes(keyword)));
}

function isList(part: JsonPart): part is readonly JsonPart[] {
  return Array.isArray(part);
}
