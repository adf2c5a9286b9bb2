import { readdirSync } from 'node:fs';
import type { Connection, DescriptorUse, Fd, Peer, PeerRefusal, PeerSource, Pid } from '@portcullis/core';
import { AF_UNIX, NO_ID, SOCK_STREAM } from './ffi/constants.js';
import { SysFailure } from './ffi/errno.js';
import { systemLibc, type Libc } from './ffi/libc.js';
import { getDescriptorLimit } from './ffi/rlimit.js';
import { getFamily, getPeerCred, getPeerPid, getType } from './ffi/sockopt.js';
import { probeCapabilities, type Capabilities } from './capabilities.js';
import { DarwinPeer, type UnixCredentials } from './peer.js';

export interface PeerSourceOptions {
  /** Whether a connection from this very process is admitted to the policy (T15). Default `refuse`. */
  readonly self?: 'refuse' | 'allow';
  /** For tests alone: a stand-in for libSystem. */
  readonly libc?: Libc;
}

/** Peers of connected AF_UNIX stream sockets. */
export class DarwinPeerSource implements PeerSource {
  readonly name = 'darwin';
  readonly capabilities: Capabilities;
  readonly #libc: Libc;
  readonly #allowSelf: boolean;
  readonly #knownOrigins = new WeakSet();

  /** @throws PortcullisError `PLATFORM_UNSUPPORTED`, `PLATFORM_PROBE` */
  constructor(options: PeerSourceOptions = {}) {
    this.#libc = options.libc ?? systemLibc();
    this.capabilities = probeCapabilities(this.#libc);
    this.#allowSelf = options.self === 'allow';
  }

  /**
   * LOCAL_PEERCRED is frozen at connect. LOCAL_PEERPID is not: it is read here because the record and T15 want a pid, and
   * because the sooner it is read the fewer others can have used the socket. A client that is gone already is refused,
   * unlike on Linux: the kernel no longer says which process it was (I7).
   */
  open(connection: Connection): Peer | PeerRefusal {
    const { fd, origin } = connection;
    if (fd === undefined) return { refused: 'no-descriptor', detail: 'the socket has no descriptor' };
    // What one listening socket accepts is of one kind, so that is asked once for each (T14).
    if (origin === undefined || !this.#knownOrigins.has(origin)) {
      const wrong = wrongSocket(this.#libc, fd);
      if (wrong !== undefined) return wrong;
      if (origin !== undefined) this.#knownOrigins.add(origin);
    }
    const frozen = getPeerCred(this.#libc, fd);
    if (frozen instanceof SysFailure) return { refused: frozen.is('EOVERFLOW') ? 'credentials-invalid' : 'socket-not-connected', detail: frozen.toString() };
    const { uid, gid } = frozen;
    const credentials = (pid: number): UnixCredentials => Object.freeze({ pid: pid as Pid, uid, gid });
    if (uid === NO_ID || gid === NO_ID) return { refused: 'credentials-invalid', detail: 'LOCAL_PEERCRED has an id that no process has', credentials: credentials(0) };
    const pid = getPeerPid(this.#libc, fd);
    if (pid instanceof SysFailure) return { refused: pid.is('ENOTCONN') ? 'peer-exited' : 'pin-failed', detail: pid.toString(), credentials: credentials(0) };
    if (pid <= 0) return { refused: 'pid-invisible', detail: `LOCAL_PEERPID says ${String(pid)}`, credentials: credentials(0) };
    if (pid === process.pid && !this.#allowSelf) return { refused: 'self-connection', detail: `LOCAL_PEERPID says ${String(pid)}`, credentials: credentials(pid) };
    return new DarwinPeer(this.#libc, connection, credentials(pid), frozen);
  }

  descriptorUse(): DescriptorUse | undefined {
    const limit = getDescriptorLimit(this.#libc);
    return limit === undefined ? undefined : { limit, used: readdirSync('/dev/fd').length };
  }
}

function wrongSocket(libc: Libc, fd: Fd): PeerRefusal | undefined {
  const family = getFamily(libc, fd);
  if (family instanceof SysFailure) return { refused: 'no-descriptor', detail: family.toString() };
  if (family !== AF_UNIX) return { refused: 'socket-not-unix', detail: `the socket's family is ${String(family)}` };
  const type = getType(libc, fd);
  if (type instanceof SysFailure) return { refused: 'no-descriptor', detail: type.toString() };
  return type === SOCK_STREAM ? undefined : { refused: 'socket-not-stream', detail: `the socket's type is ${String(type)}` };
}
