import type { Connection, DescriptorUse, Fd, Peer, PeerCredentials, PeerRefusal, PeerSource, Pid, Uid } from '@portcullis/core';
import { probeCapabilities, type Capabilities } from '../capabilities.js';
import { descriptorUse } from '../descriptor-use.js';
import { heldDescriptors } from '../held-descriptors.js';
import { AF_INET, AF_INET6, INVALID_ID, IPPROTO_TCP, SOCK_STREAM, TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2 } from '../ffi/constants.js';
import { ENOENT, ESTALE, SysFailure } from '../ffi/errno.js';
import { formatEndpoint, getPeerName, getSockName, isLoopback, type Endpoint } from '../ffi/sockaddr.js';
import { getCookie, getDomain, getProtocol, getType } from '../ffi/sockopt.js';
import type { PeerSourceOptions } from '../peer-source.js';
import { findSocket, type ClientSocket } from './inet-diag.js';
import { LoopbackPeer } from './loopback-peer.js';
import { isOwnSocket } from './own-socket.js';
import { probeSockDiag } from './probe-sock-diag.js';

/** A client that sent all it has to send may close that direction before it is looked at, and still hold the socket. */
const HELD_STATES: ReadonlySet<number> = new Set([TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2]);

/** Peers of TCP connections from 127.0.0.0/8 and ::1, by the kernel's own list of sockets. */
export class LoopbackPeerSource implements PeerSource {
  readonly name = 'linux-loopback';
  readonly transport = 'tcp';
  readonly capabilities: Capabilities;
  readonly #allowSelf: boolean;
  readonly #knownOrigins = new WeakSet();

  /** @throws PortcullisError `PLATFORM_UNSUPPORTED`, `PLATFORM_PROBE`, also where sock_diag does not say who we are */
  constructor(options: PeerSourceOptions = {}) {
    this.capabilities = options.capabilities ?? probeCapabilities();
    this.#allowSelf = options.self === 'allow';
    probeSockDiag();
  }

  open(connection: Connection): Peer | PeerRefusal {
    const { fd, origin } = connection;
    if (fd === undefined) return { refused: 'no-descriptor', detail: 'the socket has no descriptor' };
    const known = origin !== undefined && this.#knownOrigins.has(origin);
    const wrong = known ? undefined : wrongSocket(fd);
    if (wrong !== undefined) return wrong;
    const local = getSockName(fd);
    const remote = getPeerName(fd);
    if (local instanceof SysFailure) return { refused: 'socket-not-connected', detail: local.toString() };
    if (remote instanceof SysFailure) return { refused: 'socket-not-connected', detail: remote.toString() };
    if (!isLoopback(remote) || !isLoopback(local)) return { refused: 'address-not-loopback', detail: connectionText(remote, local) };
    // What one listening socket accepts belongs to one network namespace, so that is asked once for each.
    const foreign = known ? undefined : foreignNetwork(fd, local, remote);
    if (foreign !== undefined) return foreign;
    if (origin !== undefined) this.#knownOrigins.add(origin);
    // The client's end: what is remote to us is local to it.
    const client = findSocket(remote, local);
    // Asked after the look: while our end is connected nobody else can have been connected to it. A client that broke the
    // connection off may have left its port, and bytes that we could still read, to the next one.
    const still = getPeerName(fd);
    if (still instanceof SysFailure) return { refused: 'socket-not-connected', detail: still.toString() };
    return client instanceof SysFailure ? notFound(client, remote, local) : this.#judge(connection, { ...client, there: remote, here: local });
  }

  descriptorUse(): DescriptorUse | undefined {
    return descriptorUse();
  }

  heldDescriptors(): number {
    return heldDescriptors();
  }

  #judge(connection: Connection, client: ClientSocket): Peer | PeerRefusal {
    const text = connectionText(client.there, client.here);
    // Of a socket without an inode the kernel says uid 0: it is nobody's.
    if (client.inode === 0 || !HELD_STATES.has(client.state)) return { refused: 'client-socket-closed', detail: `${text}: state ${String(client.state)}, inode ${String(client.inode)}` };
    const { uid, cookie } = client;
    const credentials: PeerCredentials = { pid: 0 as Pid, uid: uid as Uid, gid: undefined };
    const detail = `${text}: sock_diag says uid ${String(uid)}`;
    if (uid === INVALID_ID) return { refused: 'credentials-invalid', detail, credentials };
    if (!this.capabilities.fullIdMaps && uid === this.capabilities.overflowUid) return { refused: 'credentials-overflow', detail, credentials };
    if (!this.#allowSelf && uid === process.geteuid?.() && isOwnSocket(cookie)) return { refused: 'self-connection', detail, credentials };
    return new LoopbackPeer(connection, client, this.capabilities);
  }
}

function wrongSocket(fd: Fd): PeerRefusal | undefined {
  const domain = getDomain(fd);
  if (domain instanceof SysFailure) return { refused: 'no-descriptor', detail: domain.toString() };
  const type = getType(fd);
  const protocol = getProtocol(fd);
  if ((domain === AF_INET || domain === AF_INET6) && type === SOCK_STREAM && protocol === IPPROTO_TCP) return undefined;
  return { refused: 'socket-not-tcp', detail: `the socket's domain, type and protocol are ${[domain, type, protocol].map(String).join(', ')}` };
}

/** Whether sock_diag, which sees one namespace, sees our own end: else it would tell of strangers with the same addresses. */
function foreignNetwork(fd: Fd, local: Endpoint, remote: Endpoint): PeerRefusal | undefined {
  const cookie = getCookie(fd);
  if (cookie instanceof SysFailure) return { refused: 'sock-diag-failed', detail: cookie.toString() };
  const own = findSocket(local, remote, cookie);
  if (!(own instanceof SysFailure)) return undefined;
  const still = getPeerName(fd);
  if (still instanceof SysFailure) return { refused: 'socket-not-connected', detail: still.toString() };
  return { refused: own.errno === ENOENT || own.errno === ESTALE ? 'foreign-network' : 'sock-diag-failed', detail: `our own end is not found: ${own.toString()}` };
}

function notFound(failure: SysFailure, remote: Endpoint, local: Endpoint): PeerRefusal {
  return { refused: failure.errno === ENOENT ? 'client-socket-missing' : 'sock-diag-failed', detail: `${connectionText(remote, local)}: ${failure.toString()}` };
}

function connectionText(remote: Endpoint, local: Endpoint): string {
  return `${formatEndpoint(remote)} to ${formatEndpoint(local)}`;
}
