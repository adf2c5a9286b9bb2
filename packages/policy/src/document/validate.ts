import { didYouMean, lookAlike } from '../findings/suggest.js';
import { quote } from '../findings/escape.js';
import { makeFinding, type PolicyFinding, type Span } from '../findings/finding.js';
import type { FindingCode } from '../findings/finding-codes.js';
import { spanAt, type YamlDocument } from './document.js';
import { child, textOf, type DocNode } from './node.js';

/** An error as an ajv validator (draft-07, `allErrors`) leaves it in `validate.errors`. */
export interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** With ajv's `verbose`: the schema that holds the keyword. Its `properties` feed "did you mean". */
  readonly parentSchema?: unknown;
  readonly message?: string;
  /** Of what is wrong with the name of a property, the name. */
  readonly propertyName?: string | undefined;
}

/** An ajv validator, compiled or standalone. */
export interface SchemaValidator {
  (data: unknown): unknown;
  errors?: readonly SchemaError[] | null | undefined;
}

export interface ValidateOptions {
  /** Words beside the schema's `properties` that "did you mean" may suggest. */
  readonly words?: readonly string[];
}

/** Holds a document against a schema: every error of ajv becomes a finding with a place and, where one is near, a suggestion. */
export function validateDocument(document: YamlDocument, validator: SchemaValidator, options: ValidateOptions = {}): readonly PolicyFinding[] {
  const { root, value } = document;
  if (root === undefined || validator(value) === true) return [];
  const findings: PolicyFinding[] = [];
  const other = otherKind(document, root, validator.errors ?? []);
  if (other !== undefined) return [other];
  for (const error of validator.errors ?? []) {
    if (error.keyword === 'propertyNames') continue; // what is wrong with the name is an error of its own
    const path = error.instancePath.split('/').slice(1).map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
    findings.push(toFinding(document, root, path, error, options));
  }
  const seen = new Set<string>();
  return findings.filter(({ code, message, place }) => {
    const key = `${String(place.line)}:${String(place.column)}:${code}:${message}`;
    return seen.size !== seen.add(key).size;
  });
}

/** What takes the files that there are: by their `kind`. */
const TAKEN_BY: ReadonlyMap<string, string> = new Map([
  ['AdmissionPolicy', 'a policy: `portcullis check` takes it, and `serve --policy`'],
  ['PolicyTest', 'a test: `portcullis test` takes it'],
  ['Gateway', 'a gateway file: `portcullis serve` takes it'],
]);

/** A file of another kind is not wrong in each of its words, but in its place. */
function otherKind(document: YamlDocument, root: DocNode, errors: readonly SchemaError[]): PolicyFinding | undefined {
  const kind = textOf(root, 'kind');
  const taken = kind === undefined ? undefined : TAKEN_BY.get(kind);
  const error = errors.find(({ keyword, instancePath }) => keyword === 'const' && instancePath === '/kind');
  if (taken === undefined || error === undefined) return undefined;
  return makeFinding('SCHEMA_VALUE', document.source, spanAt(root, ['kind']), `\`kind\` must be ${quote(String(error.params['allowedValue']))}`, `this is ${taken}`);
}

function toFinding(document: YamlDocument, root: DocNode, path: readonly string[], error: SchemaError, options: ValidateOptions): PolicyFinding {
  const at = (code: FindingCode, span: Span, message: string, suggestion?: string): PolicyFinding =>
    makeFinding(code, document.source, firstLine(document, span), message, suggestion);
  if (error.propertyName !== undefined) return at('SCHEMA_VALUE', spanAt(root, [...path, error.propertyName], 'key'), `${quote(error.propertyName)} ${describe(error)}`);
  const here = spanAt(root, path);
  const name = path.length === 0 ? 'the document' : nameOf(path);
  switch (error.keyword) {
    case 'additionalProperties': {
      const word = String(error.params['additionalProperty']);
      const span = spanAt(root, [...path, word], 'key');
      const known = [...propertiesOf(error.parentSchema), ...(options.words ?? [])];
      const suggestion = options.words?.includes(word) === true ? belowKey(word) : lookAlike(word, known) ?? didYouMean(word, known);
      return at('SCHEMA_UNKNOWN_WORD', span, `${quote(word)} is not a word of the language in ${name}`, suggestion);
    }
    case 'required': {
      const parent = spanAt(root, path, 'key');
      return at('SCHEMA_MISSING', parent, `${quote(String(error.params['missingProperty']))} is missing in ${name}`);
    }
    case 'type': {
      const types = [error.params['type']].flat().map((type) => TYPE_NAMES.get(String(type)) ?? String(type));
      return at('SCHEMA_TYPE', here, `${name} must be ${types.join(' or ')}`, absent(root, path));
    }
    case 'enum':
    case 'const': {
      const allowed = [error.params['allowedValues'] ?? error.params['allowedValue']].flat().map(String);
      const value = document.source.text.slice(here.offset, here.offset + Math.min(here.length, 60));
      const suggestion = didYouMean(value.replace(/^["']|["']$/g, ''), allowed);
      return at('SCHEMA_VALUE', here, `${name} must be ${allowed.length === 1 ? '' : 'one of '}${allowed.map((one) => quote(one)).join(', ')}`, suggestion);
    }
    case 'maxItems':
    case 'minItems': {
      const items = itemsAt(root, path);
      if (items > 0) return at('SCHEMA_VALUE', here, `${name} takes ${countOf(error)} items, and has ${String(items)}`);
      return at('SCHEMA_EMPTY', spanAt(root, path, 'key'), `${name} is empty`);
    }
    case 'minProperties':
    case 'minLength':
      return at('SCHEMA_EMPTY', spanAt(root, path, 'key'), `${name} is empty`);
    default:
      return at('SCHEMA_VALUE', here, `${name} ${describe(error)}`);
  }
}

/** A word of the language at another place. */
function belowKey(word: string): string {
  return `it stands below a key: ${quote(`KEY: { ${word}: … }`)}${word === 'not' ? '; `none: […]` negates conditions' : ''}`;
}

function nodeAt(root: DocNode, path: readonly string[]): DocNode | undefined {
  return path.reduce<DocNode | undefined>((node, step) => (node?.kind === 'list' ? node.items[Number(step)] : child(node, step)), root);
}

function itemsAt(root: DocNode, path: readonly string[]): number {
  const node = nodeAt(root, path);
  return node?.kind === 'list' ? node.items.length : 0;
}

function countOf({ keyword, params, parentSchema }: SchemaError): string {
  const limit = String(params['limit']);
  const { minItems, maxItems } = parentSchema as { readonly minItems?: number; readonly maxItems?: number };
  return minItems === maxItems ? limit : keyword === 'minItems' ? `at least ${limit}` : `at most ${limit}`;
}

/** Evidence writes `null` for absent, a condition does not. */
function absent(root: DocNode, path: readonly string[]): string | undefined {
  const node = nodeAt(root, path);
  return node?.kind === 'scalar' && node.value === null && path.at(-1)?.includes(':') === true ? 'for absent, write `{ exists: false }`' : undefined;
}

function nameOf(path: readonly string[]): string {
  const last = path.at(-1) ?? '';
  return /^[0-9]+$/.test(last) && path.length > 1 ? `item ${String(Number(last) + 1)} of ${quote(path.at(-2) ?? '')}` : quote(last);
}

const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ['string', 'text'],
  ['number', 'a number'],
  ['integer', 'a whole number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'a mapping'],
]);

function describe(error: SchemaError): string {
  const parent: unknown = error.parentSchema;
  // A pattern tells people nothing; its schema's description does.
  if (typeof parent === 'object' && parent !== null && 'description' in parent && typeof parent.description === 'string') {
    return `must be ${parent.description}`;
  }
  return error.message ?? `breaks the rule \`${error.keyword}\``;
}

function propertiesOf(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null || !('properties' in schema)) return [];
  return typeof schema.properties === 'object' && schema.properties !== null ? Object.keys(schema.properties) : [];
}

/** A caret underlines one line at most. */
function firstLine(document: YamlDocument, span: Span): Span {
  const end = document.source.text.indexOf('\n', span.offset);
  return end === -1 ? span : { offset: span.offset, length: Math.max(1, Math.min(span.length, end - span.offset)) };
}
