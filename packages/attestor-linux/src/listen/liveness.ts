import { constants } from 'node:os';
import type { Fd } from '@portcullis/core';
import { AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from '../ffi/constants.js';
import { SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import { libc } from '../ffi/libc.js';
import { socketAddress } from './socket-address.js';

const { ECONNREFUSED, EPROTOTYPE } = constants.errno;

/** `dead` is for ever: the kernel binds a socket to a new inode only, never to one that is there. */
export type Liveness = 'bound' | 'dead' | SysFailure;

/**
 * Whether any socket is bound to the inode that `handle` holds, listening or not. A datagram socket asks: for a bound
 * stream socket the kernel answers EPROTOTYPE, before it looks whether that one listens; ECONNREFUSED is left for an
 * inode without a socket (net/unix/af_unix.c, unix_find_bsd). A stream socket would get ECONNREFUSED for one that is
 * bound and about to listen, and we would remove a live gateway's path (T18); it would also wake a live server for
 * nothing. Any other answer proves nothing.
 */
export function livenessOf(handle: Fd): Liveness {
  const socket = libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return new SysFailure('socket(AF_UNIX, SOCK_DGRAM, 0)', libc().errno());
  try {
    const address = socketAddress(handle); // the handle's own inode: the name may lead elsewhere by now
    if (libc().connect(socket, address, address.length) === 0) return 'bound'; // a datagram server's
    const errno = libc().errno();
    if (errno === EPROTOTYPE) return 'bound';
    return errno === ECONNREFUSED ? 'dead' : new SysFailure(`connect(${String(socket)}, "/proc/self/fd/${String(handle)}")`, errno);
  } finally {
    closeFd(socket as Fd);
  }
}
