import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRefusal, type Peer } from '@portcullis/core';
import { attestorConformance } from '@portcullis/core/conformance';
import { LinuxAttestor, LinuxPeerSource } from '@portcullis/attestor-linux';
import { requireFeature } from '@portcullis/testkit';
import { connectionOf } from './support/attesting.js';

/** Connects, and stays. */
const CLIENT = "require('net').connect(process.argv[1]).on('error', () => {}).resume(); setInterval(() => {}, 60000);";

/** Real processes that connected to a socket of ours. */
class Clients {
  readonly #folder = mkdtempSync(join(tmpdir(), 'portcullis-conformance-'));
  readonly #server: Server = createServer({ pauseOnConnect: true });
  readonly #source = new LinuxPeerSource();
  readonly #children = new Set<ChildProcess>();
  readonly #sockets: Socket[] = [];
  readonly #ofPeer = new WeakMap<Peer, ChildProcess>();
  #living: Socket | undefined;

  /** Another look at the one process that lives; a new one after it was killed. Many processes would be many seconds. */
  async open(): Promise<Peer> {
    if (this.#living === undefined) {
      this.#living = await this.#connected();
    }
    const peer = this.#source.open(connectionOf(this.#living));
    if (isRefusal(peer)) throw new Error(`refused: ${peer.refused}`);
    const [child] = this.#children;
    if (child !== undefined) this.#ofPeer.set(peer, child);
    return peer;
  }

  async kill(peer: Peer): Promise<void> {
    const child = this.#ofPeer.get(peer);
    if (child === undefined) throw new Error('no such peer');
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
  }

  remove(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #connected(): Promise<Socket> {
    const path = join(this.#folder, 's.sock');
    await new Promise<void>((resolve) => { this.#server.listen(path, resolve); });
    const arrived = once(this.#server, 'connection');
    const child = spawn(process.execPath, ['-e', CLIENT, path], { stdio: 'ignore', env: { TEAM: 'red' } });
    this.#children.add(child);
    const [socket] = (await arrived) as [Socket];
    socket.on('error', () => undefined);
    this.#sockets.push(socket);
    return socket;
  }
}

describe('the Linux attestor, by the conformance kit', function () {
  before(function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux');
  });

  let clients: Clients | undefined;
  attestorConformance({ describe, it }, {
    kills: true,
    deadlineMs: 30_000,
    mayKeep: 8, // the cache of processes keeps an image's descriptors
    setup() {
      const made = (clients = new Clients());
      return { attestor: new LinuxAttestor(), open: () => made.open(), kill: (peer) => made.kill(peer), familyKeys: ['env:TEAM', 'env:NOT_THERE'] };
    },
    teardown() {
      clients?.remove();
    },
  });
});
