import type { SchemaValidator, ValidateOptions } from '../document/validate.js';
import { validate } from '../schema-validator.generated.js';
import { OPERATORS } from './parse-matcher.js';

/** The draft-07 schema of `kind: AdmissionPolicy` (`schema.json`), compiled ahead. */
export const validatePolicy: SchemaValidator = validate as SchemaValidator;

/** In the language, and not in this version. */
const UNSUPPORTED_WORDS: ReadonlySet<string> = new Set(['window', 'limit']);

export const VALIDATE_OPTIONS: ValidateOptions = { unsupportedWords: UNSUPPORTED_WORDS, words: OPERATORS };
