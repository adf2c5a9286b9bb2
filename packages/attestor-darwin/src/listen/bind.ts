import type { BoundSocket, Fd } from '@portcullis/core';
import { inUse, type SettledOptions, systemRefusal } from '@portcullis/core/platform/listen';
import { AF_UNIX, F_SETFD, FD_CLOEXEC, SOCK_STREAM } from '../ffi/constants.js';
import { SysFailure } from '../ffi/errno.js';
import type { Libc } from '../ffi/libc.js';
import { unixAddress } from '../ffi/unix-address.js';
import { NameLock } from './name-lock.js';
import { ReleasableSocket } from './releasable-socket.js';
import { bound, takeOver } from './stale.js';
import { settleAndVerify } from './verify.js';
import type { HeldParent } from './walk.js';

/** A start takes a few milliseconds under the lock, so hundreds of gateways would have to start at one name at once. */
const LOCK_WAIT_MS = 2_000;

/**
 * Binds a new socket in a folder that is held, and listens. Takes the folder over: it is closed on every failure, and
 * else by `release`. Throws `LISTEN_*`.
 */
export function bindHeld(libc: Libc, parent: HeldParent, options: SettledOptions): BoundSocket {
  const { folder, name } = parent;
  try {
    // Held until after the listen: no other gateway looks at a socket of ours that is bound and does not listen yet.
    const lock = NameLock.take(libc, folder, name, LOCK_WAIT_MS);
    if (lock instanceof SysFailure) throw systemRefusal(options.path, folder.pathOf(`.${name}.lock`), lock);
    if (lock === undefined) throw inUse(options.path, folder.pathOf(name), 'locked');
    try {
      return bindLocked(libc, parent, options);
    } finally {
      lock.release();
    }
  } catch (error) {
    folder.close();
    throw error;
  }
}

function bindLocked(libc: Libc, parent: HeldParent, options: SettledOptions): BoundSocket {
  const { folder, name } = parent;
  const component = folder.pathOf(name);
  const fd = openSocket(libc, options);
  try {
    const bind = (): SysFailure | undefined => bindSocket(libc, fd, parent, options);
    const replacedStale = bound(options.path, component, bind()) ? false : takeOver(libc, options.path, parent, bind);
    try {
      const made = settleAndVerify(libc, folder, name, options);
      listen(libc, fd, options, component);
      return new ReleasableSocket(libc, fd, parent, made, replacedStale);
    } catch (error) {
      removeOurs(parent); // while our socket is bound: nobody takes the name for dead
      throw error;
    }
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

function openSocket(libc: Libc, options: SettledOptions): Fd {
  const fd = libc.socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) throw systemRefusal(options.path, options.path, new SysFailure('socket(AF_UNIX, SOCK_STREAM, 0)', libc.errno()));
  // Darwin has no SOCK_CLOEXEC. Node's own children get no descriptor but what they are given.
  libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd as Fd;
}

/**
 * `bind(fd, name)` in the held folder, whatever its path leads to now. The kernel gives a new socket the mode 0777 without
 * the umask (unp_bind), so no moment is wider than asked (T18). With a group still to be given, only the owner's bits: a
 * new inode has the folder's group. The umask is the process's: for the time of this call, files that other threads make
 * have no more bits than the socket. A link of that name is followed by bind alone, to a name where nothing is; what
 * was made there is no socket under this name, and does not pass the look that follows.
 */
function bindSocket(libc: Libc, fd: Fd, { folder, name }: HeldParent, { mode, gid }: SettledOptions): SysFailure | undefined {
  const address = unixAddress(name);
  const before = libc.umask(0o777 & ~(gid === undefined ? mode : mode & 0o700));
  try {
    return folder.within(() => (libc.bind(fd, address, address.length) === 0 ? undefined : new SysFailure(`bind(${String(fd)}, "${folder.pathOf(name)}")`, libc.errno())));
  } finally {
    libc.umask(before);
  }
}

/** After a bind of ours that failed later: the name's lock is held and our socket is bound, so a socket of ours there is it. */
function removeOurs({ folder, name }: HeldParent): void {
  const found = folder.look(name);
  if (found?.kind === 'socket' && found.uid === process.geteuid?.()) folder.unlink(name);
}

function listen(libc: Libc, fd: Fd, options: SettledOptions, component: string): void {
  if (libc.listen(fd, options.backlog) === 0) return;
  throw systemRefusal(options.path, component, new SysFailure(`listen(${String(fd)}, ${String(options.backlog)})`, libc.errno()));
}
