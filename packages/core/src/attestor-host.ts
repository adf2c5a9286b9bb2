import type { Attestor } from './attestor.js';
import { connectVerified } from './connect.js';
import type { ConnectPort } from './connector.js';
import type { Decision, NearestMiss } from './decision.js';
import type { Evidence } from './evidence.js';
import type { Socket } from './gate.js';
import type { Peer, PeerSource } from './peer.js';
import type { Policy } from './policy.js';
import type { SelectorKey } from './selector.js';
import { socketFd } from './socket-fd.js';

/** What a platform offers attestors that ask a service. */
export interface AttestorHost {
  /**
   * Connects to a service's Unix socket. Nothing is sent, and no stream is made, unless the process that made its listener
   * was the user's: who listens in a service's place hears nothing. A listener that was handed on, as systemd does, is
   * judged by who made it. `timeoutMs` is for the connect and the look. @throws ServerRefused `SERVER_REFUSED`
   * @throws PortcullisError `CONNECT_TIMEOUT`, `CONNECT_SYSTEM`, `CONNECT_OPTIONS`
   */
  connect(path: string, uid: number, timeoutMs: number): Promise<Socket>;
  /**
   * Writes `bytes` to a connection that `connect` made, with a descriptor of the peer's pinned process beside the first of
   * them: a pidfd, in SCM_RIGHTS. A service then looks at that very process, in whichever pid namespace it is itself. False
   * where nothing was written, since platform, kernel or peer have none, or other bytes still wait: name the peer by its pid.
   */
  writeWithPeer(socket: Socket, bytes: Uint8Array, peer: Peer): boolean;
}

/** `peerSource` must be one of Unix sockets. */
export function attestorHost(platform: { readonly peerSource: PeerSource; readonly connectPort: ConnectPort }): AttestorHost {
  return {
    connect: (path, uid, timeoutMs) => connectVerified(path, { ...platform, policy: serverOf(uid), attestors: [CREDENTIALS], timeoutMs, inherited: 'allow' }),
    writeWithPeer: (socket, bytes, peer) => writeWithPeer(platform.connectPort, socket, bytes, peer),
  };
}

function writeWithPeer(port: ConnectPort, socket: Socket, bytes: Uint8Array, peer: Peer): boolean {
  const fd = socketFd(socket);
  // What the stream still holds has to go first, and it goes when it likes.
  if (fd === undefined || socket.destroyed || socket.writableEnded || socket.writableLength > 0) return false;
  const sent = port.sendPeer?.(fd, bytes, peer);
  if (sent === undefined) return false;
  if (sent < bytes.byteLength) socket.write(bytes.subarray(sent));
  return true;
}

const UID = 'unix:uid';
const KEYS: ReadonlySet<SelectorKey> = new Set([UID] as const);
const NONE: ReadonlySet<SelectorKey> = new Set();

/** No platform's attestor is needed for what the peer source says itself. */
const CREDENTIALS: Attestor = {
  name: 'credentials',
  selectors: [{ key: UID, value: { type: 'uint', max: 0xffff_fffe }, many: false, trust: 'kernel-connect', cost: 'socket', principal: true, summary: 'user id', example: 0 }],
  attest: ({ credentials }) => new Map([[UID, { state: 'present', values: [credentials.uid] }]]),
};

function serverOf(uid: number): Policy {
  const isTheirs = (evidence: Evidence): boolean => {
    const entry = evidence.get(UID);
    return entry?.state === 'present' && entry.values[0] === uid;
  };
  return {
    name: 'service', revision: String(uid), keys: KEYS, literals: new Map([[UID, new Set([uid])]]),
    wanted: (evidence) => (evidence.has(UID) ? NONE : KEYS),
    wantedByShadow: () => NONE,
    shadow: () => [],
    decide: (evidence) => (isTheirs(evidence) ? ALLOW : DENY),
    nearest: (evidence) => nearestOf(uid, evidence),
  };
}

const ALLOW: Decision = Object.freeze({ effect: 'allow', cause: 'rule', rules: Object.freeze(['service']), grant: Object.freeze({}) });
const DENY: Decision = Object.freeze({ effect: 'deny', cause: 'default', rules: Object.freeze([]), grant: Object.freeze({}) });

function nearestOf(uid: number, evidence: Evidence): NearestMiss {
  const entry = evidence.get(UID);
  const place = { file: 'the user of a service', line: 1, column: 1 };
  return { rule: 'service', place, failed: [{ key: UID, place, expected: String(uid), observed: entry?.state === 'present' ? entry.values : [], state: entry?.state ?? 'not-collected' }] };
}
