import type { Connection, DescriptorUse, Fd, Gid, Peer, PeerCredentials, PeerRefusal, PeerSource, Pid, RefusalCode, Uid } from '@portcullis/core';
import { probeCapabilities, type Capabilities } from './capabilities.js';
import { refusedIds } from './credentials.js';
import { descriptorUse } from './descriptor-use.js';
import { heldDescriptors } from './held-descriptors.js';
import { AF_UNIX, SOCK_STREAM } from './ffi/constants.js';
import { SysFailure } from './ffi/errno.js';
import { getAcceptConn, getDomain, getPeerCred, getType } from './ffi/sockopt.js';
import { LinuxPeer } from './peer.js';

export interface PeerSourceOptions {
  /** Whether a connection from this very process is admitted to the policy (T15). Default `refuse`. */
  readonly self?: 'refuse' | 'allow';
  readonly capabilities?: Capabilities;
}

/** Peers of connected AF_UNIX stream sockets. */
export class LinuxPeerSource implements PeerSource {
  readonly name = 'linux';
  readonly capabilities: Capabilities;
  readonly #allowSelf: boolean;
  readonly #knownOrigins = new WeakSet();

  /** @throws PortcullisError `PLATFORM_UNSUPPORTED`, `PLATFORM_PROBE` */
  constructor(options: PeerSourceOptions = {}) {
    this.capabilities = options.capabilities ?? probeCapabilities();
    this.#allowSelf = options.self === 'allow';
  }

  open(connection: Connection): Peer | PeerRefusal {
    const { fd, origin } = connection;
    if (fd === undefined) return { refused: 'no-descriptor', detail: 'the socket has no descriptor' };
    // SO_PEERCRED succeeds on any socket: what kind it is comes first (T14).
    // What one listening socket accepts is of one kind, so that is asked once for each.
    if (origin === undefined || !this.#knownOrigins.has(origin)) {
      const wrong = wrongSocket(fd);
      if (wrong !== undefined) return wrong;
      if (origin !== undefined) this.#knownOrigins.add(origin);
    }
    const cred = getPeerCred(fd);
    if (cred instanceof SysFailure) return { refused: 'socket-not-connected', detail: cred.toString() };
    const credentials = { pid: cred.pid as Pid, uid: cred.uid as Uid, gid: cred.gid as Gid };
    const refused = this.#refusal(fd, credentials);
    if (refused !== undefined) return { refused, detail: describe(credentials), credentials };
    const peer = new LinuxPeer(connection, Object.freeze(credentials), this.capabilities);
    if (cred.pid !== 0) return peer;
    // A peer in a pid namespace that we cannot see: only a pidfd still says who it is (T13).
    if (typeof peer.pidfd() === 'number') return peer;
    peer.close();
    return { refused: 'pid-invisible', detail: describe(credentials), credentials };
  }

  descriptorUse(): DescriptorUse | undefined {
    return descriptorUse();
  }

  heldDescriptors(): number {
    return heldDescriptors();
  }

  #refusal(fd: Fd, credentials: PeerCredentials): RefusalCode | undefined {
    const { pid } = credentials;
    const refused = refusedIds(credentials, this.capabilities);
    if (refused === 'credentials-invalid') return wrongSocket(fd)?.refused ?? (pid === 0 ? 'socket-not-connected' : refused);
    if (refused !== undefined) return refused;
    if (pid !== process.pid) return undefined;
    // A socket of ours that listens has our own credentials too.
    if (getAcceptConn(fd) !== false) return 'socket-not-connected';
    return this.#allowSelf ? undefined : 'self-connection';
  }
}

function wrongSocket(fd: Fd): PeerRefusal | undefined {
  const domain = getDomain(fd);
  if (domain instanceof SysFailure) return { refused: 'no-descriptor', detail: domain.toString() };
  if (domain !== AF_UNIX) return { refused: 'socket-not-unix', detail: `the socket's domain is ${String(domain)}` };
  const type = getType(fd);
  if (type instanceof SysFailure) return { refused: 'no-descriptor', detail: type.toString() };
  return type === SOCK_STREAM ? undefined : { refused: 'socket-not-stream', detail: `the socket's type is ${String(type)}` };
}

function describe({ pid, uid, gid }: PeerCredentials): string {
  return `SO_PEERCRED says pid ${String(pid)}, uid ${String(uid)}, gid ${String(gid)}`;
}
