/**
 * Every code that a `PortcullisError` of this project can carry. A test holds this list and
 * `docs/errors.md` together in both directions; policy findings have a table of their own.
 */
export const ERROR_CODES = [
  'SELECTOR_SYNTAX',
  'CATALOGUE_CONFLICT',
  'CATALOGUE_INVALID',
  'LISTEN_OPTIONS',
  'LISTEN_PATH',
  'LISTEN_PARENT_MISSING',
  'LISTEN_PARENT_UNSAFE',
  'LISTEN_ANCESTOR_UNSAFE',
  'LISTEN_SYMLINK',
  'LISTEN_EXISTS',
  'LISTEN_IN_USE',
  'LISTEN_STALE_FOREIGN',
  'LISTEN_VERIFY',
  'LISTEN_SYSTEM',
  'LISTEN_NOT_A_LISTENER',
  'LISTEN_ACTIVATION',
  'LISTEN_TARGET',
  'GATE_CLOSED',
  'GATE_GUARDED_TWICE',
  'GATE_OPTIONS',
  'ADMISSION_MISSING',
  'FINGERPRINT_INCOMPLETE',
  'PLATFORM_UNSUPPORTED',
  'PLATFORM_PROBE',
  'POLICY_INVALID',
  'POLICY_READ',
  'GATEWAY_INVALID',
  'EVIDENCE_INVALID',
  'PEER_REFUSED',
  'NAME_UNRESOLVED',
  'NAME_AMBIGUOUS',
  'PROGRAM_UNTRUSTED',
  'PROGRAM_FAILED',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];
