/**
 * Every code that a `PortcullisError` of this project can carry. A test holds this list and
 * `docs/errors.md` together in both directions; policy findings have a table of their own.
 */
export const ERROR_CODES = [
  'SELECTOR_SYNTAX',
  'CATALOGUE_CONFLICT',
  'CATALOGUE_INVALID',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];
