import assert from 'node:assert/strict';
import {
  Collector, Engine, socketFd, type Attested, type Attestor, type Connection, type Decision, type Evidence, type Evidenced, type Fd, type Policy,
  type RefusalCode, type SelectorKey, type SelectorValue, type Transport, type TrustTier,
} from '@portcullis/core';
import { LinuxAttestor, LinuxPeer, LinuxPeerSource, LoopbackPeerSource, probeCapabilities, type Capabilities, type PeerSourceOptions } from '@portcullis/attestor-linux';

export interface AttestingOptions {
  /** What this kernel is to be said not to have. */
  readonly without?: Partial<Capabilities>;
  readonly self?: PeerSourceOptions['self'];
  /** Attests loopback TCP connections in place of Unix sockets. */
  readonly transport?: Transport;
  readonly attestor?: LinuxAttestor;
  /** Asked before ours, in the same round: a place to do mischief between two probes. */
  readonly others?: readonly Attestor[];
}

const ALLOW: Decision = Object.freeze({ effect: 'allow', cause: 'rule', rules: ['everything'], grant: {} });
const CONTEXT = { listener: 'test', nowMs: 0 };

/** Wants all these keys, then allows: what the peer is refused for is not the policy's doing. */
export function wanting(keys: readonly SelectorKey[]): Policy {
  const nothing = new Set<SelectorKey>();
  return {
    name: 'everything', revision: '1', keys: new Set(keys), literals: new Map(),
    wanted: (evidence: Evidence) => new Set(keys.filter((key) => !evidence.has(key))),
    wantedByShadow: () => nothing, shadow: () => [], nearest: () => undefined, decide: () => ALLOW,
  };
}

/** The engine with this package's source and attestor, as a gate has it; closed by `close`. */
export class Attesting {
  readonly source: LinuxPeerSource | LoopbackPeerSource;
  readonly attestor: LinuxAttestor;
  readonly #engine: Engine;
  readonly #looks: Look[] = [];

  constructor(options: AttestingOptions = {}) {
    const { without, self, others, transport } = options;
    const Source = transport === 'tcp' ? LoopbackPeerSource : LinuxPeerSource;
    this.source = new Source({ ...(self && { self }), capabilities: { ...probeCapabilities(), ...without } });
    this.attestor = options.attestor ?? new LinuxAttestor();
    this.#engine = new Engine(this.source, new Collector([...(others ?? []), this.attestor]), 30_000);
  }

  /** Attests the peer of an accepted socket, or of a bare descriptor. */
  async look(socket: object, keys: readonly SelectorKey[]): Promise<Look> {
    const connection: Connection = typeof socket === 'object' && 'fd' in socket ? (socket as Connection) : connectionOf(socket);
    const attested = await this.#engine.admit(connection, wanting(keys), CONTEXT, () => undefined);
    const look = new Look(attested);
    this.#looks.push(look);
    return look;
  }

  async close(): Promise<void> {
    for (const look of this.#looks) look.close();
    await this.attestor.close();
  }
}

export function connectionOf(socket: object): Connection {
  return { origin: undefined, get fd(): Fd | undefined { return socketFd(socket); } };
}

/** What one attestation said. */
export class Look {
  readonly attested: Attested;

  constructor(attested: Attested) {
    this.attested = attested;
    assert.equal(attested.failure, undefined, attested.failure as Error);
  }

  /** Why the peer was refused before any policy; undefined when it was not. */
  get refused(): RefusalCode | undefined {
    return this.attested.decision.code;
  }

  get peer(): LinuxPeer {
    const { peer } = this.attested;
    assert.ok(peer instanceof LinuxPeer, `refused: ${String(this.refused)}`);
    return peer;
  }

  entry(key: SelectorKey): Evidenced {
    const entry = this.attested.evidence.get(key);
    assert.ok(entry !== undefined, `${key} was not asked; ${String(this.refused)}`);
    return entry;
  }

  /** The values of a key; fails when there are none. */
  values(key: SelectorKey): readonly SelectorValue[] {
    const entry = this.entry(key);
    if (entry.state !== 'present') assert.fail(`${key}: ${JSON.stringify(entry)}`);
    return entry.values;
  }

  value(key: SelectorKey): SelectorValue | undefined {
    return this.values(key)[0];
  }

  tier(key: SelectorKey): TrustTier | undefined {
    const entry = this.entry(key);
    return entry.state === 'unknown' ? undefined : entry.tier;
  }

  /** `present`, `absent`, or the reason of an unknown: what most tests compare. */
  state(key: SelectorKey): string {
    const entry = this.entry(key);
    return entry.state === 'unknown' ? `unknown ${entry.why}` : entry.state;
  }

  verify(): RefusalCode | undefined {
    return this.peer.verify()?.refused;
  }

  close(): void {
    this.attested.peer?.close();
  }
}
