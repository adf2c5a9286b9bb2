import type { BoundSocket, Fd } from '@portcullis/core';
import { inUse, type SettledOptions, systemRefusal } from '@portcullis/core/platform/listen';
import { AF_UNIX, SOCK_CLOEXEC } from '../ffi/constants.js';
import { SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import { libc } from '../ffi/libc.js';
import { BoundName } from './bound-name.js';
import { NameLock } from './name-lock.js';
import { ReleasableSocket } from './releasable-socket.js';
import { STREAM, type SocketPlan } from './socket-plan.js';
import { bound, takeOver } from './stale.js';
import { settleAndVerify } from './verify.js';
import type { HeldParent } from './walk.js';

/** A start takes less than 5 ms under the lock, so this many gateways would have to start at one name at once. */
const LOCK_WAIT_MS = 2_000;

/**
 * Binds a new socket in a folder that is held, and listens where its kind does. Takes the folder over: it is closed on every failure, and
 * else by `release`. Two steps, walk and bind, so that what happens between them can be tested. Throws `LISTEN_*`.
 */
export function bindHeld(parent: HeldParent, options: SettledOptions, plan = STREAM): BoundSocket {
  const { folder, name } = parent;
  try {
    // Held until after the listen: no other gateway looks at a socket of ours that is bound and does not listen yet.
    const lock = NameLock.take(folder, name, LOCK_WAIT_MS);
    if (lock instanceof SysFailure) throw systemRefusal(options.path, folder.pathOf(`.${name}.lock`), lock);
    if (lock === undefined) throw inUse(options.path, folder.pathOf(name), 'locked');
    try {
      return bindLocked(parent, options, plan);
    } finally {
      lock.release();
    }
  } catch (error) {
    folder.close();
    throw error;
  }
}

function bindLocked(parent: HeldParent, options: SettledOptions, plan: SocketPlan): BoundSocket {
  const { folder, name } = parent;
  const component = folder.pathOf(name);
  const fd = openSocket(options, plan);
  try {
    const address = folder.addressOf(name);
    const bind = (): SysFailure | undefined => bindSocket(fd, address, component);
    const replacedStale = bound(options.path, component, bind()) ? false : takeOver(options.path, parent, bind);
    const made = BoundName.hold(folder, name);
    if (made instanceof SysFailure) throw systemRefusal(options.path, component, made);
    try {
      settleAndVerify(made, options);
      if (plan.listens) listen(fd, options, component);
      return new ReleasableSocket(fd, made, parent.used, replacedStale);
    } catch (error) {
      made.remove(); // while our socket is bound: nobody takes the name for dead
      made.close();
      throw error;
    }
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/**
 * A socket that has its mode before it has a name: the kernel gives it to the inode as it makes it, narrowed by the umask,
 * so no moment is wider than asked (T18). With a group still to be given, only the owner's bits. Blocking, as a program that
 * it is handed to expects it; Node sets what it serves to non-blocking itself.
 */
function openSocket(options: SettledOptions, plan: SocketPlan): Fd {
  const fd = libc().socket(AF_UNIX, plan.type | SOCK_CLOEXEC, 0);
  if (fd < 0) throw systemRefusal(options.path, options.path, new SysFailure(`socket(AF_UNIX, ${String(plan.type)}, 0)`, libc().errno()));
  const mode = options.gid === undefined ? options.mode : options.mode & 0o700;
  const failure = libc().fchmod(fd, mode) === 0 ? plan.prepare(fd as Fd) : new SysFailure(`fchmod(${String(fd)}, 0${mode.toString(8)})`, libc().errno());
  if (failure === undefined) return fd as Fd;
  closeFd(fd as Fd);
  throw systemRefusal(options.path, options.path, failure);
}

/** `bind(fd, "/proc/self/fd/<folder>/<name>")`: through the held folder, whatever its path leads to now. Never follows a link. */
function bindSocket(fd: Fd, address: Uint8Array, component: string): SysFailure | undefined {
  if (libc().bind(fd, address, address.length) === 0) return undefined;
  return new SysFailure(`bind(${String(fd)}, "${component}")`, libc().errno());
}

function listen(fd: Fd, options: SettledOptions, component: string): void {
  if (libc().listen(fd, options.backlog) === 0) return;
  const failure = new SysFailure(`listen(${String(fd)}, ${String(options.backlog)})`, libc().errno());
  throw systemRefusal(options.path, component, failure);
}
