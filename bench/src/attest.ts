import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { LINUX_SELECTORS, LinuxAttestor, LinuxPeerSource, probeCapabilities } from '@portcullis/attestor-linux';
import { Admission, Catalogue, Collector, Engine, socketFd, toRecord } from '@portcullis/core';
import { compilePolicyText } from '@portcullis/policy';
import type { LoadClient } from './load-client.js';
import { policyText, type PolicyKind } from './policy-text.js';
import { microsPerCall } from './statistics.js';

/** µs for one whole admission of one held connection, again and again in one process: what the calls cost with warm caches. */
export async function measureAttest(client: LoadClient, folder: string): Promise<readonly { readonly name: string; readonly micros: number }[]> {
  const path = join(folder, 'held.sock');
  const server = createServer({ pauseOnConnect: true }).listen(path);
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const held = await client.hold(path, 1);
  const [socket] = await accepted;
  const figures = [
    { name: 'uid only', micros: one('uid', true) },
    { name: 'uid only, with its record', micros: one('uid', true, true) },
    { name: 'program, known image', micros: one('program', true) },
    { name: 'program, looked at anew each time', micros: one('program', false) },
  ];
  await held.release();
  server.close();
  return figures;

  function one(kind: PolicyKind, keep: boolean, record = false): number {
    const catalogue = new Catalogue(LINUX_SELECTORS);
    const { policy } = compilePolicyText(policyText(kind, client.program), { file: 'bench.yaml', catalogue });
    if (policy === undefined) throw new Error('the policy of the benchmark is not sound');
    // Without unique pidfd inodes nothing is kept of a process.
    const capabilities = { ...probeCapabilities(), ...(!keep && { uniquePidfdInodes: false }) };
    const engine = new Engine(new LinuxPeerSource({ capabilities }), new Collector([new LinuxAttestor()]), 5000);
    const connection = { fd: socketFd(socket), origin: server };
    const context = { listener: 'bench', nowMs: 0 };
    let written = 0;
    const micros = microsPerCall(() => {
      const attested = engine.admit(connection, policy, context, () => undefined);
      if (attested instanceof Promise || attested.decision.effect !== 'allow') throw new Error('not admitted at once');
      attested.peer?.close();
      if (record) written = JSON.stringify(toRecord(new Admission(attested, policy, context), catalogue)).length;
    }, 400);
    if (record && written === 0) throw new Error('no record was written');
    return micros;
  }
}
