import type { Connection, Gid, HeldPeer, Peer, PeerCredentials, PeerRefusal, PeerSource, Pid, PinStrength, Uid } from '../peer.js';

/** What a fake peer says of itself. Plain numbers; everything has a default. */
export interface FakePeerFacts {
  readonly pid?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly pin?: PinStrength;
  /** What `verify` answers, asked each time: undefined is "still the same". */
  readonly lost?: () => PeerRefusal | undefined;
  /** What a lease on it says; it lives, and holds its connection, unless told. */
  readonly held?: Partial<HeldPeer>;
}

/** A peer that nobody attested. */
export interface FakePeer extends Peer {
  readonly connection: Connection;
  readonly verified: number;
  /** How often `close` was called. */
  readonly closed: number;
}

export interface FakePeerSource extends PeerSource {
  /** Every peer that was opened, in order. */
  readonly peers: readonly FakePeer[];
}

/**
 * A peer source whose peers say what a test wants them to say. `answer` is asked for each connection: facts, a refusal,
 * or a throw.
 *
 * A fake proves flow only: that nothing passes before the answer, that every end of it is handled. That the kernel
 * answers so is proved with a platform's own source, real sockets and real processes.
 */
export function fakePeerSource(answer: FakePeerFacts | ((connection: Connection) => FakePeerFacts | PeerRefusal) = {}): FakePeerSource {
  const peers: FakePeer[] = [];
  return {
    name: 'fake',
    peers,
    open(connection) {
      const facts = typeof answer === 'function' ? answer(connection) : answer;
      if ('refused' in facts) return facts;
      const peer = makePeer(connection, facts);
      peers.push(peer);
      return peer;
    },
  };
}

function makePeer(connection: Connection, { pid = 4242, uid = 1000, gid = 1000, pin = 'unpinned', lost, held }: FakePeerFacts): FakePeer {
  const credentials: PeerCredentials = { pid: pid as Pid, uid: uid as Uid, gid: gid as Gid };
  const counts = { verified: 0, closed: 0 };
  return {
    connection,
    credentials,
    pin,
    get verified() { return counts.verified; },
    get closed() { return counts.closed; },
    verify() {
      counts.verified += 1;
      return lost?.();
    },
    hold: () => ({ watch: () => undefined, verify: () => undefined, isConnectionHeld: () => true, close: () => undefined, ...held }),
    close() { counts.closed += 1; },
  };
}
