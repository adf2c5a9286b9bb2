// Real clients: this user on the list, then off it, and another user where we may become one.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, chmodSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const folder = mkdtempSync('/tmp/portcullis-example-');
chmodSync(folder, 0o755);
const [path, policy] = [join(folder, 'hello.sock'), join(folder, 'policy.yaml')];
const ME = process.getuid();
const OTHER = 4321;

const allow = (...uids) => {
  writeFileSync(policy, `apiVersion: portcullis/v1\nkind: AdmissionPolicy\nrules:\n  - { id: listed-users, effect: allow, when: { unix:uid: [${uids.join(', ')}] } }\n`);
};

/** What a client reads that connects as the given user: a greeting, or nothing. */
const client = (uid = ME) => {
  const script = `const s = require('net').connect(${JSON.stringify(path)}); s.on('error', () => {}); s.pipe(process.stdout);`;
  return execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', ...(uid === ME ? {} : { uid, gid: uid }), timeout: 10_000 });
};

/** Starts the server with a list, asks, and stops it. */
async function withList(uids, ask) {
  allow(...uids);
  const server = spawn(process.execPath, ['server.mjs', path, policy], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(createInterface(server.stdout), 'line');
  assert.equal(line, `listening on ${path}`);
  ask();
  server.kill();
  await once(server, 'exit');
}

try {
  await withList([ME], () => { assert.equal(client(), `hello, uid ${ME}\n`); });
  console.log(`admitted: uid ${ME}, which is listed`);
  await withList([ME + 1], () => { assert.equal(client(), ''); });
  console.log(`refused: uid ${ME}, which is not`);
  if (ME === 0) {
    await withList([OTHER], () => {
      assert.equal(client(OTHER), `hello, uid ${OTHER}\n`);
      assert.equal(client(ME), '');
    });
    console.log(`admitted: uid ${OTHER}, which is listed, and root is refused, which is not`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
