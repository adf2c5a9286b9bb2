// A client that comes before the server is ready, and one that the policy refuses.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

const folder = mkdtempSync('/tmp/portcullis-example-');
chmodSync(folder, 0o755);
const [path, policy] = [join(folder, 'hello.sock'), join(folder, 'policy.yaml')];
const ME = process.getuid();
const OTHER = 4321;

/** Starts the supervisor, asks once the socket is there, and stops it. */
async function withPolicy(uid, ask) {
  writeFileSync(policy, `apiVersion: portcullis/v1\nkind: AdmissionPolicy\nrules:\n  - { id: listed, effect: allow, when: { unix:uid: ${uid} } }\n`);
  const supervisor = spawn(process.execPath, ['supervisor.mjs', path, policy], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = [];
  const reading = createInterface(supervisor.stdout).on('line', (line) => { lines.push(line); });
  await once(reading, 'line');
  assert.deepEqual(lines, [`listening on ${path}`]);
  await ask(lines, reading);
  supervisor.kill();
  await once(supervisor, 'exit');
  assert.equal(existsSync(path), false, 'the path goes with the server');
}

try {
  await withPolicy(ME, async (lines) => {
    const early = createConnection(path);
    await once(early, 'connect');
    assert.deepEqual(lines, [`listening on ${path}`], 'the server is not ready yet');
    assert.equal(await text(early), `hello, uid ${ME}\n`);
  });
  console.log('admitted: a client that came before the server was ready');

  await withPolicy(ME === 0 ? OTHER : ME + 1, async (lines, reading) => {
    assert.equal(await text(createConnection(path)), '');
    if (!lines.some((line) => line.startsWith('refused'))) await once(reading, 'line');
    if (ME !== 0) return;
    const script = `require('net').connect(${JSON.stringify(path)}).pipe(process.stdout)`;
    assert.equal(spawnSync(process.execPath, ['-e', script], { uid: OTHER, gid: OTHER, encoding: 'utf8', timeout: 10_000 }).stdout, `hello, uid ${OTHER}\n`);
  });
  console.log('refused: a client of a user that the policy of the server does not list');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
