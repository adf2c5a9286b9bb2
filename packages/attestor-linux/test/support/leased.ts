import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { admissionOf, createGate, type Admission, type Decision, type Gate, type Policy, type Revocation, type SelectorKey } from '@portcullis/core';
import { stubPolicy } from '@portcullis/core/testing';
import { LinuxAttestor, LinuxPeerSource, type Capabilities } from '@portcullis/attestor-linux';
import type { PeerProcess } from './peer-process.js';
import type { Stage } from './stage.js';

type Terms = NonNullable<Decision['terms']>;

export interface LeasedOptions {
  readonly terms?: Partial<Terms>;
  /** What the policy asks for before it allows everyone. */
  readonly keys?: readonly SelectorKey[];
  readonly without?: Partial<Capabilities>;
}

/** A real gate that admits every peer on the terms of a test, and the connections that it let through. */
export class Leased {
  readonly gate: Gate;
  readonly socketPath: string;
  readonly sockets: Socket[] = [];
  readonly received = new Map<Socket, string>();
  readonly revocations: Revocation[] = [];
  readonly failures: unknown[] = [];
  readonly #stage: Stage;
  #server: Server | undefined;

  private constructor(stage: Stage, gate: Gate, socketPath: string) {
    this.#stage = stage;
    this.gate = gate;
    this.socketPath = socketPath;
  }

  static async start(stage: Stage, { terms = {}, keys = ['unix:uid'], without = {} }: LeasedOptions = {}): Promise<Leased> {
    const source = new LinuxPeerSource();
    const peerSource = new LinuxPeerSource({ self: 'allow', capabilities: { ...source.capabilities, ...without } });
    const gate = await createGate({ policy: allowOn({ onPeerExit: 'revoke', onExec: 'ignore', ...terms }, keys), peerSource, attestors: [new LinuxAttestor()] });
    const leased = new Leased(stage, gate, stage.at('gate'));
    gate.on('revoked', (revocation) => { leased.revocations.push(revocation); });
    gate.on('failed', ({ error }) => { leased.failures.push(error); });
    const server = createServer({ allowHalfOpen: true }, (socket) => { leased.#admitted(socket); });
    gate.guard(server);
    leased.#server = server;
    server.listen(leased.socketPath);
    await once(server, 'listening');
    chmodSync(leased.socketPath, 0o777);
    return leased;
  }

  /** A puppet whose connection was admitted. */
  async puppet(options: { readonly uid?: number; readonly program?: string } = {}): Promise<{ readonly puppet: PeerProcess; readonly socket: Socket; readonly admission: Admission }> {
    const puppet = this.#stage.start(options.program ?? '/none', [this.socketPath], options);
    await puppet.expect('ready');
    const before = this.sockets.length;
    await puppet.tell('connect');
    await until(() => this.sockets.length > before);
    const socket = this.sockets[before]!;
    return { puppet, socket, admission: admissionOf(socket) };
  }

  async close(): Promise<void> {
    this.gate.destroy();
    await this.gate.close({ drainMs: 0 });
    for (const socket of this.sockets) socket.destroy();
    this.#server?.close();
  }

  #admitted(socket: Socket): void {
    this.sockets.push(socket);
    this.received.set(socket, '');
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => { this.received.set(socket, `${this.received.get(socket) ?? ''}${bytes.toString()}`); });
    socket.on('end', () => socket.end());
  }
}

function allowOn(terms: Terms, keys: readonly SelectorKey[]): Policy {
  const policy = stubPolicy({ keys, allow: () => ({ rule: 'everyone' }) });
  return { ...policy, decide: (evidence, context) => ({ ...policy.decide(evidence, context), terms }) };
}

/** Waits until it holds; the test's own timeout ends it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}
