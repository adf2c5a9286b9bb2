import { PortcullisError } from '@portcullis/core';
import koffi from 'koffi';

/** Memory that a system call reads or fills. Owned by the caller and alive for the call only. */
export type Memory = Uint8Array | Int32Array | Uint32Array;

/**
 * libSystem, as narrow as this package needs it: C names, C arguments, C return values. Every path ends in a NUL byte.
 * Read `errno()` straight after the call that failed: any other call may change it. Nothing here is variadic but
 * `fcntl`, since Apple's arm64 passes variadic arguments in other places than fixed ones.
 */
export interface Libc {
  getsockopt(fd: number, level: number, option: number, value: Memory, length: Uint32Array): number;
  getsockname(fd: number, address: Memory, length: Uint32Array): number;
  /** libproc.h: bytes written, 0 with errno when it failed. */
  proc_pidinfo(pid: number, flavor: number, argument: number, memory: Memory, size: number): number;
  /** libproc.h, macOS 11: undefined before. Bytes of the path without its NUL, 0 with errno when it failed. */
  readonly proc_pidpath_audittoken: ((token: Memory, memory: Memory, size: number) => number) | undefined;
  /** bsd/sys/codesign.h: exported by libsystem_kernel, though no SDK header has it. */
  csops_audittoken(pid: number, operation: number, memory: Memory, size: number, token: Memory): number;
  kqueue(): number;
  kevent(queue: number, changes: Memory | null, count: number, events: Memory | null, most: number, timeout: Memory | null): number;
  close(fd: number): number;
  getrlimit(resource: number, limit: Memory): number;
  socket(domain: number, type: number, protocol: number): number;
  socketpair(domain: number, type: number, protocol: number, pair: Int32Array): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  listen(fd: number, backlog: number): number;
  /** `fcntl(fd, command, argument)`, the argument an int. */
  fcntl(fd: number, command: number, argument: number): number;
  flock(fd: number, operation: number): number;
  unlinkat(folder: number, name: Uint8Array, flags: number): number;
  fchownat(folder: number, name: Uint8Array, uid: number, gid: number, flags: number): number;
  fchmodat(folder: number, name: Uint8Array, mode: number, flags: number): number;
  umask(mask: number): number;
  /** pthread/private.h, macOS 10.12: the working folder of this thread alone; -1 gives it the process's again. */
  pthread_fchdir_np(fd: number): number;
  errno(): number;
}

/** What a call of a test's own library is bound to. Production has no path: there is nothing to look up (I9). */
export type LibraryPath = string | null;

/**
 * Binds the functions of the process's own libSystem, or for a test those of a stand-in.
 * @throws Error when a function is missing that every macOS we know has: not a Mac.
 */
export function bindLibc(path: LibraryPath = null): Libc {
  const library = koffi.load(path);
  const call = (prototype: string): unknown => library.func(prototype);
  const since = (prototype: string): unknown => {
    try {
      return call(prototype);
    } catch {
      return undefined; // an older system has it not
    }
  };
  const fcntl = call('int fcntl(int, int, ...)') as (fd: number, command: number, type: string, argument: number) => number;
  const functions = {
    getsockopt: call('int getsockopt(int, int, int, void *, void *)'),
    getsockname: call('int getsockname(int, void *, void *)'),
    proc_pidinfo: call('int proc_pidinfo(int, int, uint64_t, void *, int)'),
    proc_pidpath_audittoken: since('int proc_pidpath_audittoken(void *, void *, uint32_t)'),
    csops_audittoken: call('int csops_audittoken(int, unsigned int, void *, size_t, void *)'),
    kqueue: call('int kqueue()'),
    kevent: call('int kevent(int, void *, int, void *, int, void *)'),
    close: call('int close(int)'),
    getrlimit: call('int getrlimit(int, void *)'),
    socketpair: call('int socketpair(int, int, int, void *)'),
    socket: call('int socket(int, int, int)'),
    bind: call('int bind(int, void *, unsigned int)'),
    connect: call('int connect(int, void *, unsigned int)'),
    listen: call('int listen(int, int)'),
    fcntl: (fd: number, command: number, argument: number) => fcntl(fd, command, 'int', argument),
    flock: call('int flock(int, int)'),
    unlinkat: call('int unlinkat(int, void *, int)'),
    fchownat: call('int fchownat(int, void *, unsigned int, unsigned int, int)'),
    fchmodat: call('int fchmodat(int, void *, uint16_t, int)'),
    umask: call('uint16_t umask(uint16_t)'),
    pthread_fchdir_np: call('int pthread_fchdir_np(int)'),
    errno: () => koffi.errno(),
  };
  // The prototypes above and the interface say the same thing twice; the stand-in's tests call each through real objects.
  return functions as unknown as Libc;
}

let bound: Libc | undefined;

/**
 * The libSystem of this very process.
 * @throws PortcullisError `PLATFORM_UNSUPPORTED` anywhere but on a Mac whose numbers are known; `PLATFORM_PROBE` where
 *   libSystem is not what we take it for.
 */
export function systemLibc(): Libc {
  if (process.platform !== 'darwin' || (process.arch !== 'arm64' && process.arch !== 'x64')) {
    throw new PortcullisError('PLATFORM_UNSUPPORTED', `this attestor knows the kernel's numbers for macOS on arm64 and x64, not for ${process.platform} on ${process.arch}`);
  }
  try {
    return (bound ??= bindLibc());
  } catch (cause) {
    throw new PortcullisError('PLATFORM_PROBE', 'libSystem lacks a function that every macOS we know has', { cause });
  }
}
