import type { SchemaValidator, ValidateOptions } from '../document/validate.js';
import { validate } from '../schema-validator.generated.js';
import { OPERATORS } from './parse-matcher.js';

/** The draft-07 schema of `kind: AdmissionPolicy` (`schema.json`), compiled ahead. */
export const validatePolicy: SchemaValidator = validate as SchemaValidator;

export const VALIDATE_OPTIONS: ValidateOptions = { words: OPERATORS };
