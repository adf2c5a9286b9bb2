// Real clients: ws's own in node, curl with and without an upgrade, and Python, whom the policy does not know.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const folder = mkdtempSync('/tmp/portcullis-example-');
const [path, policy] = ['board.sock', 'policy.yaml'].map((name) => join(folder, name));
// The page's policy, with the place of node on this machine.
writeFileSync(policy, readFileSync(join(import.meta.dirname, 'policy.yaml'), 'utf8').replace('/usr/bin/node', realpathSync(process.execPath)));

const run = (program, ...args) => execFileSync(program, args, { cwd: import.meta.dirname, encoding: 'utf8', timeout: 30_000 });
const curl = (url, ...args) => {
  const text = run('/usr/bin/curl', '-s', '-w', '%{http_code}', '--unix-socket', path, ...args, `http://localhost${url}`);
  return { status: Number(text.slice(-3)), body: text.slice(0, -3) };
};

const MEMBER = `
import { WebSocket } from 'ws';
const socket = new WebSocket('ws+unix:' + process.argv[1] + ':/', { headers: { 'x-author': 'somebody else' } });
socket.on('open', () => socket.send('hello'));
socket.on('message', (text) => { console.log(text.toString()); socket.close(); });
`;
const PYTHON = `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
try:
    s.sendall(b'GET /messages HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
except BrokenPipeError:
    pass
print(s.recv(4096).decode())
`;

const server = spawn(process.execPath, ['server.mjs', path, policy], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
try {
  const [line] = await once(createInterface(server.stdout), 'line');
  assert.equal(line, `listening on ${path}`);

  const message = { author: `user ${process.geteuid()}`, text: 'hello' };
  assert.deepEqual(JSON.parse(run(process.execPath, '--input-type=module', '-e', MEMBER, path)), message);
  console.log('admitted: node writes, as the user that the kernel says it is');

  assert.deepEqual(JSON.parse(curl('/messages').body), [message]);
  const upgrade = ['connection: upgrade', 'upgrade: websocket', 'sec-websocket-version: 13', 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=='].flatMap((header) => ['-H', header]);
  assert.equal(curl('/', '--max-time', '10', ...upgrade).status, 403);
  console.log('admitted: curl reads; its WebSocket is refused by the server');

  assert.match(run('/usr/bin/python3', '-c', PYTHON, path), /^HTTP\/1\.1 403 /);
  console.log('refused: Python, by the gate');
} finally {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
}
