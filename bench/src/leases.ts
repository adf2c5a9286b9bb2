import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { LINUX_SELECTORS, LinuxAttestor, LinuxPeerSource } from '@portcullis/attestor-linux';
import { Catalogue, Collector, Engine, createGate, socketFd, type Admission, type Gate, type Peer } from '@portcullis/core';
import { compilePolicyText, type CompiledPolicy } from '@portcullis/policy';
import type { LoadClient } from './load-client.js';
import { policyText, type PolicyKind } from './policy-text.js';
import { median, microsPerCall } from './statistics.js';

const LEAST_MS = 400;

export interface LeaseFigure {
  readonly name: string;
  readonly micros: number;
}

/** What a lease costs beyond its admission: holding the peer, watching for its exit, and each look at what it runs. */
export async function measureLeases(client: LoadClient, folder: string): Promise<readonly LeaseFigure[]> {
  return [...(await taking(client, folder)), await reverifying(client, folder, 'uid'), await reverifying(client, folder, 'program'), ...(await revoking(client, folder)), ...(await revokingMany(client, folder))];
}

/** A lease from its beginning to its end, again and again, of the peer of one held connection. */
async function taking(client: LoadClient, folder: string): Promise<readonly LeaseFigure[]> {
  const path = join(folder, 'leased.sock');
  const server = createServer({ pauseOnConnect: true }).listen(path);
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const held = await client.hold(path, 1);
  const [socket] = await accepted;
  const uid = admitted('uid', socket, server, client.program);
  const program = admitted('program', socket, server, client.program);
  const figures = [
    { name: 'held, and let go before it began', micros: one(uid, false, false) },
    { name: 'begun, of a process that no other lease watches', micros: one(uid, false, true) },
  ];
  const other = uid.hold({ image: false });
  other.watch(nothing);
  figures.push(
    { name: 'begun, of a process that another lease watches', micros: one(uid, false, true) },
    { name: 'begun, of such a process, with its program', micros: one(program, true, true) },
  );
  other.close();
  for (const peer of [uid, program]) peer.close();
  socket.destroy(); // paused, it would not see that the client leaves
  await held.release();
  server.close();
  return figures;
}

function one(peer: Peer, image: boolean, watched: boolean): number {
  return microsPerCall(() => {
    const held = peer.hold({ image });
    if (watched) held.watch(nothing);
    held.close();
  }, LEAST_MS);
}

function admitted(kind: PolicyKind, socket: Socket, origin: object, program: string): Peer {
  const engine = new Engine(new LinuxPeerSource(), new Collector([new LinuxAttestor()]), 5000);
  const attested = engine.admit({ fd: socketFd(socket), origin }, policyOf(kind, program), { listener: 'bench', nowMs: 0 }, () => undefined);
  if (attested instanceof Promise || attested.decision.effect !== 'allow' || attested.peer === undefined) throw new Error('not admitted at once');
  return attested.peer;
}

/** `admission.reverify()` of a live connection of a real gate. */
async function reverifying(client: LoadClient, folder: string, kind: PolicyKind): Promise<LeaseFigure> {
  const gate = await createGate({ policy: policyOf(kind, client.program), peerSource: new LinuxPeerSource(), attestors: [new LinuxAttestor()] });
  const path = join(folder, `reverify-${kind}.sock`);
  const server = createServer().listen(path);
  gate.guard(server);
  const came = new Promise<Admission>((resolve) => { gate.on('admitted', resolve); });
  const held = await client.hold(path, 1);
  const admission = await came;
  const micros = microsPerCall(() => { if (admission.reverify() !== undefined) throw new Error('the peer of the benchmark has changed'); }, LEAST_MS);
  await held.release();
  server.close();
  await gate.close();
  return { name: kind === 'uid' ? '`admission.reverify()`, uid only' : '`admission.reverify()`, with a program', micros };
}

/** How often a peer is killed, and how long each is let live before: its lease must have begun. */
const KILLS = 21;
const LIVES_MS = 50;

/** How many other processes have a live connection beside the one that is killed. */
const OTHERS = 1000;

/** From the signal that kills a peer, whose connection another process keeps, to its revocation: what the kernel needs to end a process is in it. */
async function revoking(client: LoadClient, folder: string): Promise<readonly LeaseFigure[]> {
  const gate = await Revoking.start(client, join(folder, 'revoked.sock'));
  const alone = await gate.killed(1);
  const others = [];
  for (let other = 0; other < OTHERS; other += 1) others.push(await client.hold(gate.path, 1));
  const among = await gate.killed(1);
  for (const other of others) await other.release();
  await gate.close();
  return [
    { name: 'from SIGKILL of a peer to `revoked`', micros: alone.last },
    { name: `the same, among ${String(OTHERS)} other processes that are watched`, micros: among.last },
  ];
}

const CONNECTIONS = 5000;

/** All connections of one process end with it. */
async function revokingMany(client: LoadClient, folder: string): Promise<readonly LeaseFigure[]> {
  const gate = await Revoking.start(client, join(folder, 'revoked-many.sock'));
  const { first, last } = await gate.killed(CONNECTIONS, 5);
  await gate.close();
  return [
    { name: `from SIGKILL of a peer with ${String(CONNECTIONS)} connections to the first \`revoked\``, micros: first },
    { name: `from SIGKILL of a peer with ${String(CONNECTIONS)} connections to the last \`revoked\``, micros: last },
  ];
}

/** A gate before a server, and clients that are killed. */
class Revoking {
  readonly path: string;
  readonly #client: LoadClient;
  readonly #gate: Gate;
  readonly #server: Server;
  #told = nothing;

  private constructor(client: LoadClient, path: string, gate: Gate, server: Server) {
    this.path = path;
    this.#client = client;
    this.#gate = gate;
    this.#server = server;
    gate.on('revoked', () => { this.#told(); });
  }

  static async start(client: LoadClient, path: string): Promise<Revoking> {
    const gate = await createGate({ policy: policyOf('uid', client.program), peerSource: new LinuxPeerSource(), attestors: [new LinuxAttestor()] });
    const server = createServer().listen(path);
    gate.guard(server);
    return new Revoking(client, path, gate, server);
  }

  /** Medians, in µs, of the first and the last of a client's so many connections. */
  async killed(connections: number, kills = KILLS): Promise<{ readonly first: number; readonly last: number }> {
    const firsts: number[] = [];
    const lasts: number[] = [];
    for (let kill = 0; kill < kills; kill += 1) {
      const held = await this.#client.hold(this.path, connections, 'leave');
      await setTimeout(LIVES_MS + connections / 10); // its server accepts them, and each lease begins
      let left = connections;
      let first = 0;
      const revoked = new Promise<void>((resolve) => {
        this.#told = () => {
          if (left === connections) first = performance.now();
          if ((left -= 1) === 0) resolve();
        };
      });
      const began = performance.now();
      held.kill();
      await revoked;
      firsts.push((first - began) * 1000);
      lasts.push((performance.now() - began) * 1000);
    }
    return { first: median(firsts), last: median(lasts) };
  }

  async close(): Promise<void> {
    this.#server.close();
    await this.#gate.close();
  }
}

function policyOf(kind: PolicyKind, program: string): CompiledPolicy {
  const { policy } = compilePolicyText(policyText(kind, program), { file: 'bench.yaml', catalogue: new Catalogue(LINUX_SELECTORS) });
  if (policy === undefined) throw new Error('the policy of the benchmark is not sound');
  return policy;
}

const nothing = (): void => undefined;
