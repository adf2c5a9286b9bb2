import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type ServerOpts, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGate, type Admission, type Findings, type Gate, type GateFailure, type GateOptions } from '../../dist/index.js';
import { allowUids, fakeAttestor, fakePeerSource, type FakeAttestor } from '../../dist/testing/index.js';

/** An application that answers `welcome`, with a gate of fakes before it, over a real Unix socket. */
export class Gated {
  readonly folder = mkdtempSync(join(tmpdir(), 'portcullis-core-'));
  readonly path = join(this.folder, 's');
  readonly server: Server;
  /** What reached the application. */
  readonly connections: Socket[] = [];
  readonly received: string[] = [];
  readonly records: Admission[] = [];
  readonly failures: GateFailure[] = [];
  gate!: Gate;
  readonly #clients: Socket[] = [];

  private constructor(server: Server | undefined, options: ServerOpts) {
    this.server = server ?? createServer(options, (socket) => {
      this.connections.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => { this.received.push(bytes.toString()); });
      socket.write('welcome');
    });
  }

  /** Everyone has uid 1000, and uid 1000 is admitted. */
  static async start(options: Partial<GateOptions> = {}, server?: Server, serverOptions: ServerOpts = {}): Promise<Gated> {
    const gated = new Gated(server, serverOptions);
    gated.gate = await createGate({
      policy: allowUids(1000),
      peerSource: fakePeerSource(),
      attestors: [fakeAttestor()],
      sink: { record: (admission) => { gated.records.push(admission); } },
      deadlineMs: 3_600_000,
      ...options,
    });
    gated.gate.on('failed', (failure) => { gated.failures.push(failure); });
    gated.gate.guard(gated.server);
    await new Promise<void>((resolve) => { gated.server.listen(gated.path, resolve); });
    return gated;
  }

  /** A client that sends at once. */
  client(send = 'bytes of the client'): Client {
    const socket = connect(this.path);
    this.#clients.push(socket);
    return new Client(socket, send);
  }

  /** What a client saw that waits for the end. */
  async seen(send?: string): Promise<string> {
    const client = this.client(send);
    await client.ended;
    return client.text;
  }

  /** Resolves when so many connections were recorded. */
  async recorded(count: number): Promise<readonly Admission[]> {
    await until(() => this.records.length >= count);
    return this.records;
  }

  /** Ends it all; `close` of the gate is the test's business where the test is about it. */
  async end(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    this.gate.destroy();
    await this.gate.close({ drainMs: 0 });
    await new Promise<void>((resolve) => { this.server.close(() => { resolve(); }); });
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class Client {
  text = '';
  /** What went wrong, by code: a reset is no orderly end. */
  readonly errors: (string | undefined)[] = [];
  readonly socket: Socket;
  readonly ended: Promise<void>;

  constructor(socket: Socket, send: string) {
    this.socket = socket;
    socket.on('data', (bytes) => { this.text += bytes.toString(); });
    socket.on('error', (error: NodeJS.ErrnoException) => { this.errors.push(error.code); });
    this.ended = new Promise((resolve) => { socket.once('close', () => { resolve(); }); });
    socket.write(send);
  }

  /** Resolves when the application has answered. */
  welcomed(): Promise<void> {
    return until(() => this.text === 'welcome');
  }
}

/** Waits until something is so; mocha's own time limit ends what never will be. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}

/** A promise that a test settles itself. */
export class Deferred<T> {
  resolve!: (value: T) => void;
  reject!: (error: unknown) => void;
  readonly promise = new Promise<T>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}

/** An attestor each of whose calls waits for the test. */
export function slowAttestor(): { readonly attestor: FakeAttestor; readonly answers: readonly Deferred<Findings>[] } {
  const answers: Deferred<Findings>[] = [];
  const attestor = fakeAttestor({
    attest: () => {
      const answer = new Deferred<Findings>();
      answers.push(answer);
      return answer.promise;
    },
  });
  return { attestor, answers };
}

/** Its gate, and what makes a client, to be taken apart. */
export function bound(gated: Gated): { readonly gate: Gated['gate']; readonly client: () => ReturnType<Gated['client']> } {
  return { gate: gated.gate, client: () => gated.client() };
}
