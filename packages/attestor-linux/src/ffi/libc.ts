import koffi from 'koffi';

/** Memory that a system call reads or fills. Owned by the caller and alive for the call only. */
export type Memory = Uint8Array | Int32Array | Uint32Array | BigUint64Array;

/**
 * The C library, as narrow as this package needs it: C names, C arguments, C return values. Every path ends in a NUL
 * byte. Read `errno()` straight after the call that failed: any other call may change it.
 */
export interface Libc {
  getsockopt(fd: number, level: number, option: number, value: Memory, length: Int32Array): number;
  setsockopt(fd: number, level: number, option: number, value: Memory, length: number): number;
  recvmsg(fd: number, header: Memory, flags: number): number;
  sendmsg(fd: number, header: Memory, flags: number): number;
  ioctl(fd: number, request: number, argument: Memory | null): number;
  poll(fds: Int32Array, count: number, timeoutMs: number): number;
  openat(dirFd: number, path: Uint8Array, flags: number, mode: number): number;
  /** By its number, SYS_OPENAT2: the library has no name for it yet. */
  openat2(number: number, dirFd: number, path: Uint8Array, how: Memory, size: number): number;
  pread(fd: number, memory: Memory, count: number, offset: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  close(fd: number): number;
  readlinkat(dirFd: number, path: Uint8Array, memory: Memory, count: number): number;
  statx(dirFd: number, path: Uint8Array, flags: number, mask: number, memory: Memory): number;
  fstatfs(fd: number, memory: Memory): number;
  statfs(path: Uint8Array, memory: Memory): number;
  fgetxattr(fd: number, name: Uint8Array, memory: Memory, count: number): number;
  syscall(number: number, first: number | bigint, second: number | bigint, third: number | bigint): number;
  mmap(address: null, length: number, protection: number, flags: number, fd: number, offset: number): bigint;
  munmap(address: bigint, length: number): number;
  socket(domain: number, type: number, protocol: number): number;
  socketpair(domain: number, type: number, protocol: number, pair: Int32Array): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: null, length: null, flags: number): number;
  getsockname(fd: number, address: Memory, length: Int32Array): number;
  getpeername(fd: number, address: Memory, length: Int32Array): number;
  send(fd: number, memory: Memory, count: number, flags: number): number;
  recvfrom(fd: number, memory: Memory, count: number, flags: number, address: Memory, length: Int32Array): number;
  fchmod(fd: number, mode: number): number;
  fchown(fd: number, uid: number, gid: number): number;
  fchownat(dirFd: number, path: Uint8Array, uid: number, gid: number, flags: number): number;
  fchmodat(dirFd: number, path: Uint8Array, mode: number, flags: number): number;
  unlinkat(dirFd: number, path: Uint8Array, flags: number): number;
  flock(fd: number, operation: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, fd: number, event: Uint8Array): number;
  epoll_wait(epoll: number, events: Uint8Array, most: number, timeoutMs: number): number;
  _exit(status: number): void;
  errno(): number;
  /** The address of a buffer whose memory does not move (`Buffer.allocUnsafeSlow`). */
  addressOf(memory: Memory): bigint;
}

let bound: Libc | undefined;

/**
 * The C library of this very process: no path, no lookup (I9). Variadic calls are declared with the arguments used here;
 * on every Linux ABI listed in constants.ts they travel in the same registers.
 */
export function libc(): Libc {
  return (bound ??= bind());
}

function bind(): Libc {
  const library = koffi.load(null);
  const call = (prototype: string): unknown => library.func(prototype);
  const functions = {
    getsockopt: call('int getsockopt(int, int, int, void *, void *)'),
    setsockopt: call('int setsockopt(int, int, int, void *, unsigned int)'),
    recvmsg: call('long recvmsg(int, void *, int)'),
    sendmsg: call('long sendmsg(int, void *, int)'),
    ioctl: call('int ioctl(int, unsigned long, void *)'),
    poll: call('int poll(void *, unsigned long, int)'),
    openat: call('int openat(int, void *, int, unsigned int)'),
    openat2: call('long syscall(long, int, void *, void *, size_t)'),
    pread: call('long pread(int, void *, size_t, int64_t)'),
    fcntl: call('int fcntl(int, int, int)'),
    close: call('int close(int)'),
    readlinkat: call('long readlinkat(int, void *, void *, size_t)'),
    statx: call('int statx(int, void *, int, unsigned int, void *)'),
    statfs: call('int statfs(void *, void *)'),
    fstatfs: call('int fstatfs(int, void *)'),
    fgetxattr: call('long fgetxattr(int, void *, void *, size_t)'),
    syscall: call('long syscall(long, long, long, long)'),
    mmap: call('void *mmap(void *, size_t, int, int, int, int64_t)'),
    munmap: call('int munmap(void *, size_t)'),
    socketpair: call('int socketpair(int, int, int, void *)'),
    socket: call('int socket(int, int, int)'),
    bind: call('int bind(int, void *, unsigned int)'),
    connect: call('int connect(int, void *, unsigned int)'),
    listen: call('int listen(int, int)'),
    accept4: call('int accept4(int, void *, void *, int)'),
    getsockname: call('int getsockname(int, void *, void *)'),
    getpeername: call('int getpeername(int, void *, void *)'),
    send: call('long send(int, void *, size_t, int)'),
    recvfrom: call('long recvfrom(int, void *, size_t, int, void *, void *)'),
    fchmod: call('int fchmod(int, unsigned int)'),
    fchown: call('int fchown(int, unsigned int, unsigned int)'),
    fchownat: call('int fchownat(int, void *, unsigned int, unsigned int, int)'),
    fchmodat: call('int fchmodat(int, void *, unsigned int, int)'),
    unlinkat: call('int unlinkat(int, void *, int)'),
    flock: call('int flock(int, int)'),
    epoll_create1: call('int epoll_create1(int)'),
    epoll_ctl: call('int epoll_ctl(int, int, int, void *)'),
    epoll_wait: call('int epoll_wait(int, void *, int, int)'),
    _exit: call('void _exit(int)'),
    errno: () => koffi.errno(),
    addressOf: (memory: Memory) => koffi.address(memory),
  };
  // The prototypes above and the interface say the same thing twice; layout.test.ts calls each through real objects.
  return functions as unknown as Libc;
}
