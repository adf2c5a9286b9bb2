import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PeerProcess, type StartOptions } from '../support/peer-process.js';

/** The ways of `test/peers/server.py`, which says what each is. */
export type Way = 'serve' | 'lie' | 'idle' | 'daemon' | 'relisten' | 'beside' | 'manager' | 'drop' | 'close' | 'datagram';

const SCRIPT = join(import.meta.dirname, '../../test/peers/server.py');

/** A folder that every user can bind in, and the servers that a test starts there. */
export class Servers {
  readonly folder = mkdtempSync('/tmp/portcullis-servers-');
  readonly #started: PeerProcess[] = [];
  /** Children that serve in the place of what was started. */
  readonly #serving: number[] = [];

  constructor() {
    chmodSync(this.folder, 0o777);
  }

  /** Resolves when connections are accepted, or wait to be. The name of its socket is its way. */
  async start(way: Way, options: StartOptions = {}): Promise<PeerProcess> {
    const server = new PeerProcess('/usr/bin/python3', [SCRIPT, way, this.at(way)], options);
    this.#started.push(server);
    const [word, pid] = (await server.line()).split(' ');
    assert.equal(word, 'ready');
    if (Number(pid) !== server.pid) this.#serving.push(Number(pid));
    if (way === 'daemon' || way === 'relisten') await server.exited;
    return server;
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  async close(): Promise<void> {
    for (const pid of this.#serving) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch { /* it has ended */ }
    }
    for (const server of this.#started) await server.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
