import type { Catalogue } from '@portcullis/core';
import { editorDefinitions, schemaByKind, schemaOf, type JsonSchema } from '@portcullis/policy/editor';
import { GATEWAY_DEFINITIONS } from './gateway-schema.js';

/** The files that there are, as the command line calls them, and as the schema does. */
const KINDS = { policy: 'AdmissionPolicy', tests: 'PolicyTest', gateway: 'Gateway', evidence: 'Evidence' } as const;

export type SchemaKind = keyof typeof KINDS;
export const SCHEMA_KINDS = Object.keys(KINDS) as readonly SchemaKind[];

/** The JSON Schema (draft-07) of one kind of file, or of all that say by their `kind` what they are. */
export function makeSchema(catalogue: Catalogue, kind?: SchemaKind): JsonSchema {
  const definitions = { ...editorDefinitions(catalogue), ...GATEWAY_DEFINITIONS };
  if (kind === undefined) return schemaByKind(definitions, [KINDS.policy, KINDS.tests, KINDS.gateway], 'files of Portcullis');
  return schemaOf(definitions, KINDS[kind], `${KINDS[kind]} of Portcullis`);
}
