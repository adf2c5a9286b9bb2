import { mapParts, type JsonSchema } from './json-schema.js';

/** The schema of one definition, with what it needs of the others. */
export function schemaOf(definitions: JsonSchema, name: string, title: string): JsonSchema {
  return assemble(definitions, title, { allOf: [{ $ref: `#/definitions/${name}` }] });
}

/** The schema of files that say by their `kind` what they are. */
export function schemaByKind(definitions: JsonSchema, kinds: readonly string[], title: string): JsonSchema {
  return assemble(definitions, title, {
    required: ['apiVersion', 'kind'],
    properties: { apiVersion: { const: 'portcullis/v1', description: 'the version of the language' }, kind: { enum: kinds, description: 'what this file is' } },
    allOf: kinds.map((kind) => ({ if: { required: ['kind'], properties: { kind: { const: kind } } }, then: { $ref: `#/definitions/${kind}` } })),
  });
}

function assemble(definitions: JsonSchema, title: string, root: JsonSchema): JsonSchema {
  const needed = new Set<string>();
  const visit = (part: JsonSchema): void => {
    mapParts(part, (schema) => {
      const name = typeof schema['$ref'] === 'string' ? schema['$ref'].replace('#/definitions/', '') : undefined;
      if (name === undefined || needed.has(name)) return schema;
      needed.add(name);
      visit(definitions[name] as JsonSchema);
      return schema;
    });
  };
  visit(root);
  return { $schema: 'http://json-schema.org/draft-07/schema#', title, type: 'object', ...root, definitions: Object.fromEntries([...needed].sort().map((name) => [name, definitions[name] as JsonSchema])) };
}
