import { chmodSync, existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { Catalogue, createGate, type Admission, type Attestor, type Evidence, type Gate, type SelectorKey } from '@portcullis/core';
import { LinuxAttestor, LinuxPeerSource } from '@portcullis/attestor-linux';
import { compilePolicyText, requirePolicy } from '@portcullis/policy';
import { compiled } from '../../../../attestor-linux/dist-test/support/compile.js';
import { pathOf } from '../../../../attestor-linux/dist-test/support/errnos.js';
import { injectFaults, type DoorCall, type Fault } from '../../../../attestor-linux/dist-test/support/faults.js';
import type { PeerProcess } from '../../../../attestor-linux/dist-test/support/peer-process.js';
import { Stage } from '../../../../attestor-linux/dist-test/support/stage.js';
import { until } from '../../gate/support/harness.js';
import { policyOf } from './whole-policy.js';

export type Choose = (call: DoorCall) => Fault | undefined;

/** `daemon`, whom every host knows by name and who owns nothing. */
const UID = 1;

/** Who connects. */
export interface Connecting {
  /** Of root, and of our own user, this very thread looks at the image; of any other a worker, whose door is not this one. */
  readonly uid?: number;
  /** What it is told before it connects, as `map /usr/bin/true` or `jit`. */
  readonly told?: readonly string[];
}

/** What one connection came to. */
export interface Trial {
  readonly admission: Admission;
  /** The calls that were made for it, by name, in order. */
  readonly calls: readonly string[];
  /** The path that each of them was given, or nothing. */
  readonly paths: readonly string[];
}

/**
 * A gate before a real socket, a real peer, and a policy that wants every key to be exactly what it is; the door to the C
 * library is faulty for one connection at a time.
 */
export class Range {
  readonly keys: readonly SelectorKey[];
  /** What is true of the peer. */
  truth: Evidence = new Map();
  readonly #connecting: Connecting;
  readonly #stage: Stage;
  readonly #gate: Gate;
  readonly #swap: Swap;
  readonly #records: Admission[];
  #peer: PeerProcess | undefined;
  #peerPid: number | undefined;

  private constructor(keys: readonly SelectorKey[], connecting: Connecting, stage: Stage, gate: Gate, swap: Swap, records: Admission[]) {
    this.keys = keys;
    this.#connecting = connecting;
    this.#stage = stage;
    this.#gate = gate;
    this.#swap = swap;
    this.#records = records;
  }

  static async open(keys: readonly SelectorKey[], connecting: Connecting = {}): Promise<Range> {
    const stage = await Stage.open();
    const swap = new Swap();
    await swap.fresh();
    const records: Admission[] = [];
    const catalogue = new Catalogue(swap.selectors);
    const everything = requirePolicy(compilePolicyText(policyOf(new Map(), keys), { catalogue }));
    const gate = await createGate({
      policy: everything, peerSource: new LinuxPeerSource(), attestors: [swap], refreshMs: 0, deadlineMs: 60_000,
      sink: { record: (admission) => { records.push(admission); } },
    });
    const server = createServer((socket) => { socket.on('error', () => undefined).destroy(); });
    gate.guard(server);
    server.listen(stage.at('gate'));
    await until(() => server.listening);
    chmodSync(stage.at('gate'), 0o777);
    const range = new Range(keys, connecting, stage, gate, swap, records);
    range.#closeServer = () => new Promise((resolve) => { server.close(() => { resolve(); }); });
    await range.#learn(catalogue);
    return range;
  }

  /** One connection of the peer, with the door as `choose` has it. */
  async trial(choose: Choose = () => undefined): Promise<Trial> {
    const peer = (this.#peer ??= await this.#start());
    const calls: string[] = [];
    const paths: string[] = [];
    const stop = injectFaults((call) => {
      calls.push(call.name);
      paths.push(pathOf(call));
      return choose(call);
    });
    try {
      peer.child.stdin.write('connect\n');
      await this.#recorded();
      await new Promise((resolve) => setImmediate(resolve)); // what is let go after the record
    } finally {
      stop();
    }
    const [admission] = this.#records.splice(0) as [Admission];
    if (admission.peer !== undefined) this.#peerPid = admission.peer.pid;
    if (!existsSync(`/proc/${String(this.#peerPid)}`)) return { admission, calls, paths };
    await peer.expect('ok');
    await peer.tell('close');
    return { admission, calls, paths };
  }

  /** Forgets all that is kept of the peer: the next connection is its first. */
  async forget(): Promise<void> {
    await this.#swap.fresh();
  }

  /** The process that connects, as the kernel says: its parent, which reaps it at once, is another. */
  get peerPid(): number {
    if (this.#peerPid === undefined) throw new Error('no peer connected yet');
    return this.#peerPid;
  }

  /** The peer was killed: the next trial has another, equal one. */
  async replacePeer(): Promise<void> {
    await this.#peer?.kill();
    this.#peer = await this.#start();
    await this.trial(); // says which process it is
  }

  /** What closes in a later turn has closed: sockets, and the pipes of threads. */
  async settled(): Promise<void> {
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  async close(): Promise<void> {
    await this.#closeServer();
    await this.#gate.close({ drainMs: 0 });
    await this.#stage.close();
  }

  /** Not by a timer: thousands of connections come one after the other. */
  async #recorded(): Promise<void> {
    while (this.#records.length === 0) await new Promise((resolve) => setImmediate(resolve));
  }

  #closeServer: () => Promise<void> = () => Promise.resolve();

  async #start(): Promise<PeerProcess> {
    const { uid = UID, told = [] } = this.#connecting;
    const peer = this.#stage.start(compiled('keeper'), [compiled('puppet'), this.#stage.at('gate')], { uid, env: { HOME: '/var/empty' } });
    await peer.expect('ready');
    for (const command of told) await peer.tell(command);
    return peer;
  }

  async #learn(catalogue: Catalogue): Promise<void> {
    await this.trial(); // what Node opens once
    await this.forget();
    const { admission } = await this.trial();
    this.truth = admission.evidence;
    await this.#gate.setPolicy(requirePolicy(compilePolicyText(policyOf(this.truth, this.keys), { catalogue })));
    await this.forget();
  }
}

/** The Linux attestor, of which a new one can be had while the gate stands. */
class Swap implements Attestor {
  readonly name = 'linux';
  #inner = new LinuxAttestor();
  readonly selectors = this.#inner.selectors;

  attest(...args: Parameters<LinuxAttestor['attest']>): ReturnType<Attestor['attest']> {
    return this.#inner.attest(...args);
  }

  prepare(...args: Parameters<LinuxAttestor['prepare']>): Promise<readonly string[]> {
    return this.#inner.prepare(...args);
  }

  async fresh(): Promise<void> {
    await this.#inner.close();
    this.#inner = new LinuxAttestor();
    await this.#inner.prepare(new Map());
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
