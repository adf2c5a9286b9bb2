// A server of ours, then one of another user at the same path, as somebody leaves it who was faster.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const folder = mkdtempSync('/tmp/portcullis-example-');
chmodSync(folder, 0o777); // as bad a place as can be: anybody may put a socket here
const path = join(folder, 'vault.sock');
const ME = process.getuid();
const OTHER = 4321;

const client = (uid) => spawnSync(process.execPath, ['client.mjs', path, String(uid)], { cwd: import.meta.dirname, encoding: 'utf8', timeout: 20_000 });

/** Starts a server as the given user, has the client meet it, and tells what the client saw and how much the server got. */
async function meet(serverUid, expectedUid) {
  rmSync(path, { force: true });
  const server = spawn(process.execPath, ['server.mjs', path], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'], ...(serverUid === ME ? {} : { uid: serverUid, gid: serverUid }) });
  const lines = createInterface(server.stdout);
  await once(lines, 'line');
  const counted = once(lines, 'line');
  const { status, stdout, stderr } = client(expectedUid);
  const [said] = await counted;
  server.kill();
  await once(server, 'exit');
  return { status, text: stdout + stderr, bytes: Number(said.split(' ')[0]) };
}

try {
  const good = await meet(ME, ME);
  assert.equal(good.status, 0, good.text);
  assert.match(good.text, /token taken: Bearer secret/);
  assert.ok(good.bytes > 0);
  console.log('admitted: a server of the user that was expected got the token');

  const bad = ME === 0 ? await meet(OTHER, 0) : await meet(ME, ME + 1);
  assert.equal(bad.status, 1, bad.text);
  assert.match(bad.text, /^refused: /);
  assert.equal(bad.bytes, 0);
  console.log('refused: a server of another user got no byte');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
