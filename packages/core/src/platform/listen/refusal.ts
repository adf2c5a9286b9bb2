import type { ErrorCode } from '../../error-codes.js';
import { PortcullisError, type ErrorFacts } from '../../errors.js';
import { octal, type Inode } from './inode.js';

/** A system call that failed, as each platform notes it. */
export interface FailedCall {
  /** As it was made. */
  readonly call: string;
  /** `EACCES` */
  readonly errnoName: string;
  toString(): string;
}

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
export function failureFacts({ call, errnoName }: FailedCall): ErrorFacts {
  return { call, errno: errnoName };
}

/** `LISTEN_SYSTEM`: a system call failed for a reason that has no code of its own. */
export function systemRefusal(path: string, component: string, failure: FailedCall): PortcullisError {
  return refusal({
    code: 'LISTEN_SYSTEM',
    message: `cannot listen on \`${path}\`: ${failure.toString()}`,
    remedy: remedyOf(failure.errnoName, component),
    facts: { path, component, ...failureFacts(failure) },
    cause: failure,
  });
}

/** `LISTEN_SYSTEM` of a call that Node made. */
export function nodeRefusal(path: string, component: string, cause: unknown): PortcullisError {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  return refusal({
    code: 'LISTEN_SYSTEM',
    message: `cannot listen on \`${path}\`: ${errno} at \`${component}\``,
    remedy: remedyOf(errno, component),
    facts: { path, component, errno },
    cause,
  });
}

function remedyOf(errno: string, component: string): string {
  return REMEDIES[errno] ?? `see what \`${errno}\` means for \`${component}\``;
}

const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: 'give the gateway search and write permission on the folder',
  EPERM: 'let the gateway run as a user that may do this',
  EROFS: 'name a folder on a file system that can be written',
  ENOSPC: 'free space or inodes on the file system',
  EDQUOT: 'free space or inodes of the quota',
  EMFILE: 'raise the limit of descriptors (RLIMIT_NOFILE)',
  ENFILE: 'raise the limit of open files (fs.file-max, or kern.maxfiles)',
};
