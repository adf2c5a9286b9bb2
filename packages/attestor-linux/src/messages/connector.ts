import type { Fd, PeerCredentials } from '@portcullis/core';
import type { Capabilities } from '../capabilities.js';
import { EINVAL, ESRCH, SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import { libc } from '../ffi/libc.js';
import { getPeerCred, getPeerPidFd, type Ucred } from '../ffi/sockopt.js';
import { inodeOf } from '../ffi/statx.js';
import { isClaimable } from './claimable.js';

/** The process that made a connection, as far as it can be compared with the senders of what comes by it (T9, T10). */
export class Connector {
  readonly pid: number;
  readonly uid: number;
  /** Whether it was gone, and reaped, before its connection was accepted: nobody can be compared with it. */
  readonly reaped: boolean;
  /** Whether others may send in its name, so that nobody can be told apart from it. */
  readonly #claimable: boolean;
  /** Of its pidfd; undefined where inodes of pidfds are not unique: there a pid that was used again is not told apart. */
  readonly #inode: bigint | undefined;

  private constructor({ pid, uid }: Ucred, inode: bigint | undefined, claimable: boolean, reaped = false) {
    this.pid = pid;
    this.uid = uid;
    this.reaped = reaped;
    this.#claimable = claimable;
    this.#inode = inode;
  }

  /** The connector of an accepted connection, by SO_PEERCRED and SO_PEERPIDFD. */
  static of(fd: Fd, capabilities: Capabilities): Connector | SysFailure {
    const cred = getPeerCred(fd);
    if (cred instanceof SysFailure) return cred;
    if (!capabilities.peerPidFd) return new Connector(cred, undefined, isClaimable(cred.pid, undefined, capabilities));
    const pidfd = getPeerPidFd(fd);
    // Since Linux 6.16 a process that was reaped has a pidfd still.
    if (pidfd instanceof SysFailure) return pidfd.errno === ESRCH || pidfd.errno === EINVAL ? new Connector(cred, undefined, false, true) : pidfd;
    const claimable = isClaimable(cred.pid, pidfd, capabilities);
    const inode = capabilities.uniquePidfdInodes ? inodeOf(pidfd) : 0n;
    // Where a pidfd tells more, the pid alone is not enough.
    const connector = inode === undefined ? new SysFailure(`statx(${String(pidfd)}, AT_EMPTY_PATH) of a pidfd`, libc().errno()) : new Connector(cred, inode === 0n ? undefined : inode, claimable);
    closeFd(pidfd);
    return connector;
  }

  /** Why a message is not taken for this process's own; undefined where it is. */
  whyNotBy(sender: PeerCredentials, pidfd: Fd | SysFailure | undefined): 'sender-not-connector' | 'sender-claimable' | undefined {
    if (!this.#isSender(sender, pidfd)) return 'sender-not-connector';
    return this.#claimable ? 'sender-claimable' : undefined;
  }

  /**
   * Whether a message's sender is this very process, with its ids. The uid of a connection is the effective one and that of
   * a message the real one: a set-uid program that was connected by its caller, or writes for it, is not its connector.
   */
  #isSender({ pid, uid }: PeerCredentials, pidfd: Fd | SysFailure | undefined): boolean {
    if (this.reaped || Number(pid) !== this.pid || Number(uid) !== this.uid) return false;
    if (this.#inode === undefined) return this.pid !== 0; // nothing tells apart those whom we cannot see
    return typeof pidfd === 'number' && inodeOf(pidfd) === this.#inode;
  }
}
