import { unknown, type Unknown, type UnknownReason } from '@portcullis/core';
import {
  EACCES, EINVAL, EMFILE, ENAMETOOLONG, ENFILE, ENODATA, ENOENT, ENOPROTOOPT, ENOSYS, ENOTTY, EOPNOTSUPP, EPERM, ERANGE, ESRCH, type SysFailure,
} from './ffi/errno.js';

const REASONS: ReadonlyMap<number, UnknownReason> = new Map([
  [EACCES, 'permission'],
  [EPERM, 'permission'],
  [ESRCH, 'peer-exited'],
  [ENOENT, 'peer-exited'],
  [ENOPROTOOPT, 'kernel-unsupported'],
  [ENOTTY, 'kernel-unsupported'],
  [ENOSYS, 'kernel-unsupported'],
  [EINVAL, 'kernel-unsupported'],
  [EOPNOTSUPP, 'kernel-unsupported'],
  [ENODATA, 'socket-unsupported'],
  [ERANGE, 'limit'],
  [ENAMETOOLONG, 'limit'],
  [EMFILE, 'limit'],
  [ENFILE, 'limit'],
]);

/** What a failed system call means for a key (I4): never absent. `docs/selectors.md` has the table. */
export function unknownOf(failure: SysFailure): Unknown {
  return unknown(REASONS.get(failure.errno) ?? 'system-error', failure.toString());
}
