import { AF_UNIX, SOCK_DGRAM } from '../ffi/constants.js';
import { SysFailure } from '../ffi/errno.js';
import type { Libc } from '../ffi/libc.js';
import { unixAddress } from '../ffi/unix-address.js';
import type { HeldFolder } from './held-folder.js';

/** `dead` is for ever: the kernel binds a socket to a new inode only, never to one that is there. */
export type Liveness = 'bound' | 'dead' | SysFailure;

/**
 * Whether any socket is bound to what the name leads to, listening or not. A datagram socket asks: for a bound stream
 * socket the kernel answers EPROTOTYPE, before it looks whether that one listens; ECONNREFUSED is left for an inode without
 * a socket (unp_connect, bsd/kern/uipc_usrreq.c). A stream socket would get ECONNREFUSED for one that is about to listen,
 * and would wake a live server for nothing. Any other answer proves nothing.
 */
export function livenessOf(libc: Libc, folder: HeldFolder, name: string): Liveness {
  const socket = libc.socket(AF_UNIX, SOCK_DGRAM, 0);
  if (socket < 0) return new SysFailure('socket(AF_UNIX, SOCK_DGRAM, 0)', libc.errno());
  try {
    const address = unixAddress(name);
    const failed = folder.within(() => (libc.connect(socket, address, address.length) === 0 ? undefined : new SysFailure(`connect(${String(socket)}, "${name}")`, libc.errno())));
    if (failed === undefined || failed.is('EPROTOTYPE')) return 'bound'; // connected: a datagram server's
    return failed.is('ECONNREFUSED') ? 'dead' : failed;
  } finally {
    libc.close(socket);
  }
}
