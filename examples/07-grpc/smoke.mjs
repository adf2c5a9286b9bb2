// gRPC's own client, run by three programs of one user.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const folder = mkdtempSync('/tmp/portcullis-example-');
const [path, policy, keeper, stranger] = ['keys.sock', 'policy.yaml', 'keeper', 'stranger'].map((name) => join(folder, name));
const node = realpathSync(process.execPath);
for (const program of [keeper, stranger]) copyFileSync(node, program);
// The page's policy, with the places of this machine.
writeFileSync(policy, readFileSync(join(import.meta.dirname, 'policy.yaml'), 'utf8').replace('/usr/bin/node', node).replace('/opt/keys/keeper', keeper));

const call = (program, ...args) => execFileSync(program, ['client.mjs', path, ...args], { cwd: import.meta.dirname, encoding: 'utf8', timeout: 30_000 }).trim();

const server = spawn(process.execPath, ['server.mjs', path, policy], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
try {
  const [line] = await once(createInterface(server.stdout), 'line');
  assert.equal(line, `listening on ${path}`);

  assert.equal(call(node, 'get', 'motd'), '{"value":"hello"}');
  assert.equal(call(node, 'put', 'motd', 'mine'), 'PERMISSION_DENIED');
  console.log('admitted: node reads; its write is refused by the method');

  assert.equal(call(keeper, 'put', 'motd', 'welcome'), '{}');
  assert.equal(call(node, 'get', 'motd'), '{"value":"welcome"}');
  console.log('admitted: the keeper writes');

  assert.equal(call(stranger, 'get', 'motd'), 'UNAVAILABLE');
  console.log('refused: the same client, run by a copy that nobody listed');
} finally {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
}
