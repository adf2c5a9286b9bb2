export { schemaByKind, schemaOf } from './bundle-schema.js';
export { editorDefinitions, type EditorDefinitions } from './editor-schema.js';
export type { JsonPart, JsonSchema } from './json-schema.js';
