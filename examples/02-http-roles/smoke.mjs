// Three real clients of one user: curl, Python, and a copy of curl that the user made.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const folder = mkdtempSync('/tmp/portcullis-example-');
const path = join(folder, 'notes.sock');
const own = join(folder, 'curl');

/** Status and body, as a curl at `program` sees them. */
const curl = (program, ...args) => {
  const text = execFileSync(program, ['-s', '-w', '%{http_code}', '--unix-socket', path, ...args, 'http://localhost/notes'], { encoding: 'utf8', timeout: 10_000 });
  return { status: Number(text.slice(-3)), body: text.slice(0, -3) };
};

const PYTHON = `
import http.client, socket, sys
class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(sys.argv[1])
c = Unix('localhost')
c.request(sys.argv[2], '/notes')
print(c.getresponse().status)
`;
const python = (method) => Number(execFileSync('/usr/bin/python3', ['-c', PYTHON, path, method], { encoding: 'utf8', timeout: 10_000 }));

const server = spawn(process.execPath, ['server.mjs', path], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
try {
  const [line] = await once(createInterface(server.stdout), 'line');
  assert.equal(line, `listening on ${path}`);

  assert.equal(curl('/usr/bin/curl').status, 200);
  assert.deepEqual(curl('/usr/bin/curl', '-X', 'POST'), { status: 200, body: 'the first note\nnote 2\n' });
  console.log('admitted: curl reads and writes');

  assert.equal(python('GET'), 200);
  assert.equal(python('POST'), 403);
  console.log('admitted: Python reads; its write is refused by the handler');

  copyFileSync('/usr/bin/curl', own);
  assert.deepEqual(curl(own), { status: 403, body: 'connection refused by policy\n' });
  console.log('refused: a copy of curl in a folder of the user\'s own');
} finally {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
}
