import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { probeCapabilities } from '@portcullis/attestor-linux';
import { admissionOf, type Gate, type Revocation } from '@portcullis/core';
import { skipUnless } from '@portcullis/testkit';
import { createGate } from 'portcullis';
import { ALLOW_ME, Folder, policy } from '../cli/support/folder.js';
import { needLinux, until } from './support/harness.js';

const PYTHON = '/usr/bin/python3';
const EACH = 5000;
/** One descriptor a connection, and room for all else; two a connection would be more. */
const NEEDED = 2 * EACH + 2000;

/** Holds connections; at a word, leaves them to a child and exits. The child says how many have ended, once all have. */
const CLIENT = `
import os, socket, sys
held = []
for _ in range(int(sys.argv[2])):
    held.append(socket.socket(socket.AF_UNIX)); held[-1].connect(sys.argv[1])
print('held', flush=True)
if sys.stdin.readline() == 'leave\\n' and os.fork() == 0:
    print('ended', sum(one.recv(1) == b'' for one in held), flush=True)
os._exit(0)
`;

describe('idle leases in one process', function () {
  this.timeout(300_000);
  let folder: Folder | undefined;
  let gate: Gate | undefined;
  const clients: ChildProcess[] = [];
  let said = '';

  before(function () {
    needLinux(this);
    skipUnless(this, existsSync(PYTHON), 'needs python3');
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    skipUnless(this, Number(limit) >= NEEDED, `needs a limit of ${String(NEEDED)} open files, and has ${String(limit)}`);
    skipUnless(this, probeCapabilities().uniquePidfdInodes, 'needs unique pidfds (Linux 6.9): without them, connections of one process share none');
    folder = new Folder();
  });

  after(async () => {
    for (const client of clients) client.kill('SIGKILL');
    gate?.destroy();
    await gate?.close({ drainMs: 0 });
    folder?.remove();
  });

  async function connected(): Promise<ChildProcess> {
    const client = spawn(PYTHON, ['-c', CLIENT, folder!.at('s'), String(EACH)], { stdio: ['pipe', 'pipe', 'inherit'] });
    clients.push(client);
    client.stdout.setEncoding('utf8').on('data', (text: string) => { said += text; });
    const before = said.length;
    await until(() => said.slice(before).includes('held'));
    return client;
  }

  it('T9, T20: 10,000 idle leases hold a descriptor each and one a process more, are all told of an exit, and leave nothing behind', async () => {
    const before = descriptors();
    const sockets: Socket[] = [];
    const revocations: Revocation[] = [];
    const failures: unknown[] = [];
    gate = await createGate({ policy: folder!.write('p.yaml', policy(ALLOW_ME)) });
    gate.on('revoked', (one) => { revocations.push(one); }).on('failed', (failure) => { failures.push(failure); });
    await gate.listen(createServer((socket) => { sockets.push(socket.on('error', () => undefined).resume()); }), { path: folder!.at('s') });
    const leaves = await connected();
    const dies = await connected();
    await until(() => sockets.length === 2 * EACH);
    // Each is told of its peer's exit by now, by one pidfd for all connections of a process.
    await until(() => descriptors() - before <= 2 * EACH + 32);
    assert.equal(gate.load.live, 2 * EACH);
    assert.ok(sockets.every((socket) => admissionOf(socket).reverify() === undefined));

    leaves.stdin!.write('leave\n');
    await until(() => said.includes(`ended ${String(EACH)}\n`));
    await until(() => revocations.length === EACH);
    assert.deepEqual([...new Set(revocations.map(({ cause, word }) => `${cause} ${word}`))], ['peer-exited lease.onPeerExit']);
    await until(() => gate!.load.live === EACH);

    // Where nobody else holds them, they end by themselves.
    dies.kill('SIGKILL');
    await until(() => gate!.load.live === 0);
    assert.deepEqual([revocations.length, failures], [EACH, []]);
    await until(() => descriptors() - before <= 32);
  });
});

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
