import type { Catalogue } from '@portcullis/core';
import policyTestSchema from '../policy-test.schema.json' with { type: 'json' };
import policySchema from '../schema.json' with { type: 'json' };
import { mapParts, partOf, without, type JsonPart, type JsonSchema } from './json-schema.js';
import { KeySchemas } from './key-schemas.js';
import { WORD_DESCRIPTIONS } from './word-descriptions.js';

/** Schemas for editors, of files by what they are, and what these refer to. */
export type EditorDefinitions = Readonly<Record<'AdmissionPolicy' | 'PolicyTest' | 'Evidence' | 'key', JsonSchema>> & JsonSchema;

type Definitions = Readonly<Record<string, JsonSchema>>;

const SHORT_FORM = { type: ['object', 'string'] };

/**
 * What editors complete and validate by: the grammar that the loader checks against, with the keys of a catalogue and a
 * description of every word. Definitions for one schema, in which they refer to each other as `#/definitions/…`.
 */
export function editorDefinitions(catalogue: Catalogue): EditorDefinitions {
  const keys = new KeySchemas(catalogue);
  // What stands behind any key gives way to what stands behind each.
  const policy = without(definitionsOf(policySchema, 'AdmissionPolicy'), 'AdmissionPolicy.matcher') as Definitions;
  const test = definitionsOf(policyTestSchema, 'PolicyTest');
  const evidence = keys.parts('evidence');
  const tiers = withKeyNames(partOf(partOf(test['PolicyTest.peer'] ?? {}, 'properties'), 'tiers'));
  return {
    ...keys.definitions,
    ...policy,
    ...test,
    'AdmissionPolicy.condition': withKeys(policy['AdmissionPolicy.condition'], keys.parts('matcher'), { ...SHORT_FORM, ...keys.selector() }),
    'AdmissionPolicy.limit': changed(policy['AdmissionPolicy.limit'], 'key', (key) => ({ ...key, items: KEY })),
    'PolicyTest.peer': changed(withKeys(test['PolicyTest.peer'], evidence, {}), 'tiers', withKeyNames),
    'PolicyTest.keys': { ...test['PolicyTest.keys'], items: { anyOf: [KEY, { type: 'string', pattern: '^rule:(window|limit)$' }] } },
    Evidence: { title: 'Evidence of Portcullis', type: 'object', additionalProperties: false, properties: { tiers, ...evidence.properties }, patternProperties: evidence.patternProperties },
  } as unknown as EditorDefinitions;
}

const KEY = { $ref: '#/definitions/key' };

function withKeyNames(mapping: JsonSchema): JsonSchema {
  return { ...mapping, propertyNames: KEY };
}

function withKeys(schema: JsonSchema | undefined, keys: ReturnType<KeySchemas['parts']>, more: JsonSchema): JsonSchema {
  const rest = schema ?? {};
  return { ...rest, ...more, properties: { ...partOf(rest, 'properties'), ...keys.properties }, patternProperties: keys.patternProperties };
}

function changed(schema: JsonSchema | undefined, word: string, change: (part: JsonSchema) => JsonSchema): JsonSchema {
  const properties = partOf(schema ?? {}, 'properties');
  return { ...schema, properties: { ...properties, [word]: change(partOf(properties, word)) } };
}

/** The schema and its definitions side by side, all of them described, under names that no other schema has. */
function definitionsOf(schema: JsonSchema, kind: string): Definitions {
  const inner = Object.entries(partOf(schema, 'definitions')).map(([name, part]) => [`${kind}.${name}`, described(part as JsonSchema, name)]);
  const root = described(without(schema, '$schema', '$id', 'definitions'), kind);
  return mapParts(Object.fromEntries([[kind, root], ...inner]) as JsonSchema, (part) => renamed(part, kind)) as Definitions;
}

function renamed(part: JsonSchema, kind: string): JsonPart {
  const { $ref } = part;
  if (typeof $ref !== 'string') return part;
  return { ...part, $ref: $ref.replace(/^https:.*#\/definitions\//, '#/definitions/AdmissionPolicy.').replace(/^#\/definitions\/(?=[^.]*$)/, `#/definitions/${kind}.`) };
}

function described(schema: JsonSchema, at: string): JsonSchema {
  const properties = Object.entries(partOf(schema, 'properties'));
  if (properties.length === 0) return schema;
  return { ...schema, properties: Object.fromEntries(properties.map(([word, part]) => [word, describedWord(described(part as JsonSchema, `${at}.${word}`), `${at}.${word}`)])) };
}

/** Beside `$ref` nothing counts in draft-07, so that a described reference stands in `allOf`. What a pattern is for, the loader's schema calls its description. */
function describedWord(schema: JsonSchema, at: string): JsonSchema {
  const { $ref, description: expected } = schema;
  const description = WORD_DESCRIPTIONS[at];
  return {
    ...(description !== undefined && { description }),
    ...without(schema, '$ref', 'description'),
    ...($ref !== undefined && { allOf: [{ $ref }] }),
    ...('pattern' in schema && typeof expected === 'string' && { patternErrorMessage: `expected ${expected}` }),
  };
}
