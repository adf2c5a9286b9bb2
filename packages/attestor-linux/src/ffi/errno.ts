import { constants } from 'node:os';

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);
// Names that node:os has not, asm-generic/errno.h.
const MORE: ReadonlyMap<number, string> = new Map([
  [66, 'EREMOTE'],
  [108, 'ESHUTDOWN'],
]);

export const { EPERM, ENOENT, ESRCH, EINTR, EBADF, EAGAIN, EACCES, EINVAL, ENOTTY, ERANGE, ENAMETOOLONG } =
  constants.errno;
export const { ENODATA, EOPNOTSUPP, ENOPROTOOPT, EADDRINUSE, ECONNABORTED, ENOTDIR, ELOOP, ENOSYS, EMFILE, ENFILE, ENOMEM, ENOBUFS } = constants.errno;
export const { EBADMSG, ESTALE } = constants.errno;

/** `EACCES` for 13; `errno 999` for what has no name. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? MORE.get(errno) ?? `errno ${String(errno)}`;
}

/** A system call that failed: the call as it was made, and why. Returned, not thrown: a peer can cause it. */
export class SysFailure {
  readonly call: string;
  readonly errno: number;

  constructor(call: string, errno: number) {
    this.call = call;
    this.errno = errno;
  }

  /** `EACCES` */
  get errnoName(): string {
    return errnoName(this.errno);
  }

  /** ``getsockopt(7, SOL_SOCKET, SO_PEERPIDFD): ENODATA`` */
  toString(): string {
    return `${this.call}: ${errnoName(this.errno)}`;
  }
}

const NOWHERE: ReadonlySet<number> = new Set([ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG]);

/** Whether a path was followed, and there is nothing: an answer, where every other errno means that nobody could look (I4). */
export function leadsNowhere({ errno }: SysFailure): boolean {
  return NOWHERE.has(errno);
}
