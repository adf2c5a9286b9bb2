import type { Pid } from '@portcullis/core';
import { CS_CDHASH_LEN, CS_OPS_CDHASH, CS_OPS_IDENTITY, CS_OPS_STATUS, CS_OPS_TEAMID, CS_OPS_VALIDATION_CATEGORY } from './constants.js';
import { ERRNO, SysFailure } from './errno.js';
import { decodeCsText } from './layout.js';
import type { Libc } from './libc.js';

/** Identifiers are a few dozen bytes; what is longer is ERANGE (I11). */
const text = new Uint8Array(1024);
const word = new Uint32Array(1);

/** Whom to ask about. The kernel compares the token's pid version with the process's own: ESRCH where they differ. */
export interface Signed {
  readonly libc: Libc;
  readonly pid: Pid;
  readonly token: Uint8Array;
}

/** `csops_audittoken(pid, CS_OPS_STATUS)`: the code-signing flags. Unprivileged, as all here (bsd/kern/kern_proc.c). */
export function getStatus({ libc, pid, token }: Signed): number | SysFailure {
  if (libc.csops_audittoken(pid, CS_OPS_STATUS, word, word.byteLength, token) !== 0) return failure('CS_OPS_STATUS', libc);
  return word[0] ?? 0;
}

/** `csops_audittoken(pid, CS_OPS_CDHASH)`: hex of the code directory's hash, cut to 20 bytes by the kernel. EBADEXEC of unsigned code. */
export function getCdhash({ libc, pid, token }: Signed): string | SysFailure {
  const hash = Buffer.alloc(CS_CDHASH_LEN);
  if (libc.csops_audittoken(pid, CS_OPS_CDHASH, hash, hash.length, token) !== 0) return failure('CS_OPS_CDHASH', libc);
  return hash.toString('hex');
}

/** `csops_audittoken(pid, CS_OPS_TEAMID)`: the bytes of the team id. ENOENT: it has none. EINVAL: the signature is not valid. */
export function getTeamId(signed: Signed): Uint8Array | SysFailure {
  return getText(signed, CS_OPS_TEAMID, 'CS_OPS_TEAMID');
}

/** `csops_audittoken(pid, CS_OPS_IDENTITY)`: the bytes of the signing identifier; errors as of `getTeamId`. */
export function getIdentity(signed: Signed): Uint8Array | SysFailure {
  return getText(signed, CS_OPS_IDENTITY, 'CS_OPS_IDENTITY');
}

/**
 * `csops_audittoken(pid, CS_OPS_VALIDATION_CATEGORY)`: EPERM or EINVAL of a system that has it not. Also EINVAL of code whose
 * signature is not valid and that nobody debugs, and EBADEXEC of unsigned code that somebody does (bsd/kern/kern_cs.c).
 */
export function getValidationCategory({ libc, pid, token }: Signed): number | SysFailure {
  if (libc.csops_audittoken(pid, CS_OPS_VALIDATION_CATEGORY, word, word.byteLength, token) !== 0) return failure('CS_OPS_VALIDATION_CATEGORY', libc);
  return word[0] ?? 0;
}

function getText({ libc, pid, token }: Signed, operation: number, name: string): Uint8Array | SysFailure {
  text.fill(0);
  if (libc.csops_audittoken(pid, operation, text, text.length, token) !== 0) return failure(name, libc);
  return decodeCsText(text) ?? new SysFailure(`csops_audittoken(${name})`, ERRNO.EOVERFLOW);
}

function failure(name: string, libc: Libc): SysFailure {
  return new SysFailure(`csops_audittoken(${name})`, libc.errno());
}
