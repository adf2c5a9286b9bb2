import { unknown, type Unknown, type UnknownReason } from '@portcullis/core';
import { ERRNO, type ErrnoName, type SysFailure } from './ffi/errno.js';

const REASONS: Readonly<Partial<Record<ErrnoName, UnknownReason>>> = {
  EACCES: 'permission',
  EPERM: 'permission',
  ESRCH: 'peer-exited', // also where the pid version of a token is not the process's any more
  ENOTCONN: 'peer-exited',
  ENOSYS: 'kernel-unsupported',
  ENOTSUP: 'kernel-unsupported',
  EOPNOTSUPP: 'kernel-unsupported',
  ENOPROTOOPT: 'kernel-unsupported',
  EINVAL: 'kernel-unsupported',
  EOVERFLOW: 'kernel-unsupported', // an answer of another size than the one we know
  ERANGE: 'limit',
  ENAMETOOLONG: 'limit',
  EMFILE: 'limit',
  ENFILE: 'limit',
};

const BY_NUMBER: ReadonlyMap<number, UnknownReason> = new Map(
  Object.entries(REASONS).map(([name, reason]) => [ERRNO[name as ErrnoName], reason]),
);

/** What a failed system call means for a key (I4): never absent. `docs/attestors/darwin.md` has the table. */
export function unknownOf(failure: SysFailure): Unknown {
  return unknown(BY_NUMBER.get(failure.errno) ?? 'system-error', failure.toString());
}
