import { PortcullisError, type ErrorCode, type ErrorFacts } from '@portcullis/core';
import { errnoName, type SysFailure } from '../ffi/errno.js';
import { octal, type Inode } from './inode.js';

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  /** What to do about it, as an order: ends the message, and is a fact of its own. */
  readonly remedy: string;
  readonly facts: ErrorFacts;
  readonly cause?: unknown;
}

/** The error of a listen that did not happen. Thrown by the caller, so that control flow stays visible there. */
export function refusal({ code, message, remedy, facts, cause }: Refusal): PortcullisError {
  return new PortcullisError(code, `${message}; ${remedy}`, { cause, facts: { ...facts, remedy } });
}

/** Whose an inode is and what it allows, as facts of an error. */
export function inodeFacts(inode: Inode): ErrorFacts {
  return { kind: inode.kind, owner: inode.uid, group: inode.gid, mode: octal(inode.mode), links: inode.links };
}

/** What failed in the system, as facts of an error. */
export function failureFacts(failure: SysFailure): ErrorFacts {
  return { call: failure.call, errno: errnoName(failure.errno) };
}

/** `LISTEN_SYSTEM`: a system call failed for a reason that has no code of its own. */
export function systemRefusal(path: string, component: string, failure: SysFailure): PortcullisError {
  const errno = errnoName(failure.errno);
  return refusal({
    code: 'LISTEN_SYSTEM',
    message: `cannot listen on \`${path}\`: ${failure.toString()}`,
    remedy: REMEDIES[errno] ?? `see what \`${errno}\` means for \`${component}\``,
    facts: { path, component, ...failureFacts(failure) },
    cause: failure,
  });
}

const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: 'give the gateway search and write permission on the folder',
  EPERM: 'let the gateway run as a user that may do this',
  EROFS: 'name a folder on a file system that can be written',
  EMFILE: 'raise the limit of descriptors (RLIMIT_NOFILE)',
  ENFILE: 'raise the limit of open files (kern.maxfiles)',
};

/** `LISTEN_SYSTEM` of a call that Node made. */
export function nodeRefusal(path: string, component: string, cause: unknown): PortcullisError {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  return refusal({
    code: 'LISTEN_SYSTEM',
    message: `cannot listen on \`${path}\`: ${errno} at \`${component}\``,
    remedy: REMEDIES[errno] ?? `see what \`${errno}\` means for \`${component}\``,
    facts: { path, component, errno },
    cause,
  });
}
