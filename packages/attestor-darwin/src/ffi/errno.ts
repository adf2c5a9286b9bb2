/**
 * Darwin's error numbers (bsd/sys/errno.h), which are not those of the host that a test runs on. A test compares them
 * with `os.constants.errno` on a Mac.
 */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EEXIST: 17,
  ENOTDIR: 20,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  EROFS: 30,
  ERANGE: 34,
  EAGAIN: 35,
  ENOTSOCK: 38,
  EPROTOTYPE: 41,
  ENOPROTOOPT: 42,
  ENOTSUP: 45,
  EADDRINUSE: 48,
  ECONNRESET: 54,
  ENOTCONN: 57,
  ECONNREFUSED: 61,
  ELOOP: 62,
  ENAMETOOLONG: 63,
  ENOSYS: 78,
  EOVERFLOW: 84,
  EBADEXEC: 85,
  EOPNOTSUPP: 102,
} as const;

export type ErrnoName = keyof typeof ERRNO;

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(ERRNO).map(([name, number]) => [number, name]));

/** `EACCES` for 13; `errno 999` for what has no name here. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${String(errno)}`;
}

/** The number of an error that Node threw; EIO for one that has no name here. */
export function errnoOf(error: unknown): number {
  const name = error instanceof Error && 'code' in error ? String(error.code) : '';
  return new Map<string, number>(Object.entries(ERRNO)).get(name) ?? ERRNO.EIO;
}

/** A system call that failed: the call as it was made, and why. Returned, not thrown: a peer can cause it. */
export class SysFailure {
  readonly call: string;
  readonly errno: number;

  constructor(call: string, errno: number) {
    this.call = call;
    this.errno = errno;
  }

  is(...names: readonly ErrnoName[]): boolean {
    return names.some((name) => ERRNO[name] === this.errno);
  }

  /** `EACCES` */
  get errnoName(): string {
    return errnoName(this.errno);
  }

  /** ``getsockopt(7, SOL_LOCAL, LOCAL_PEERTOKEN): ENOTCONN`` */
  toString(): string {
    return `${this.call}: ${errnoName(this.errno)}`;
  }
}
