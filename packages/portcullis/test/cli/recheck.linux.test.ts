import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, realpathSync } from 'node:fs';
import { skipUnless } from '@portcullis/testkit';
import { ALLOW_ME, Folder, ME, policy } from './support/folder.js';
import { Serving, until } from './support/serving.js';
import { UpstreamServer } from './support/upstream.js';

const PYTHON = '/usr/bin/python3';
/** Says a line for each answer, and `end` when the connection has ended. */
const CLIENT = `
import socket, sys
gate = socket.socket(socket.AF_UNIX); gate.connect(sys.argv[1])
try:
    for line in sys.stdin:
        gate.send(line.encode())
        print('answer' if gate.recv(1) else 'end', flush=True)
except OSError: print('end', flush=True)
`;

describe('portcullis serve: live connections after a change of the policy', function () {
  let folder: Folder;
  let upstream: UpstreamServer;
  let serving: Serving | undefined;
  let client: ChildProcess | undefined;
  let said = '';

  before(function () {
    skipUnless(this, process.platform === 'linux', 'needs Linux');
    skipUnless(this, existsSync(PYTHON), 'needs python3');
  });

  beforeEach(async () => {
    folder = new Folder();
    said = '';
    upstream = await UpstreamServer.listen(folder.at('up.sock'), (socket) => { socket.on('data', () => socket.write('x')).on('error', () => undefined); });
    folder.write('p.yaml', policy(ALLOW_ME));
  });

  afterEach(async () => {
    client?.kill('SIGKILL');
    await serving?.stop();
    serving = undefined;
    await upstream.close();
    folder.remove();
  });

  async function connected(grace = ''): Promise<Serving> {
    folder.write('g.yaml', `apiVersion: portcullis/v1\nkind: Gateway\nlisteners:\n  - { name: g, listen: { path: ${folder.at('g.sock')} }, upstream: 'unix:${folder.at('up.sock')}', policy: p.yaml${grace} }\n`);
    serving = await Serving.start([folder.at('g.yaml')]);
    client = spawn(PYTHON, ['-c', CLIENT, folder.at('g.sock')], { stdio: ['pipe', 'pipe', 'inherit'] });
    client.stdout!.setEncoding('utf8').on('data', (text: string) => { said += text; });
    await ask('answer\n');
    return serving;
  }

  async function ask(expected: string): Promise<void> {
    const before = said.length;
    client!.stdin!.write('hello\n');
    // A whole line: Python that is told not to buffer writes its end by itself.
    await until(() => said.includes('\n', before), 'an answer');
    assert.equal(said.slice(before), expected);
  }

  it('keeps a connection whose program a new policy asks for and admits: it is looked at then (I7)', async () => {
    const gateway = await connected();
    folder.write('p.yaml', policy(`{ id: python, effect: allow, when: { unix:uid: ${String(ME)}, unix:path: ${realpathSync(PYTHON)} } }`));
    const { kept, denied } = await gateway.until('rechecked');
    assert.deepEqual([kept, denied], [1, 0]);
    await ask('answer\n');
  });

  it('ends a connection whose program a new policy does not admit, and the record says by which policy (I7)', async () => {
    const gateway = await connected();
    folder.write('p.yaml', policy(`{ id: curl, effect: allow, when: { unix:uid: ${String(ME)}, unix:path: /usr/bin/curl } }`));
    const { cause, word, detail, rule } = await gateway.until('revoked');
    assert.deepEqual([cause, word, rule], ['policy-changed', 'rules', 'me']);
    assert.match(String(detail), new RegExp(`revision \`${String((await gateway.until('policy'))['revision'])}\``));
    await ask('end\n');
    assert.deepEqual([(await gateway.until('rechecked'))['denied'], gateway.of('decision').length], [1, 1]);
  });

  it('lets it go on for `policyGrace`', async () => {
    const gateway = await connected(', policyGrace: 3600');
    folder.write('p.yaml', policy(`{ id: nobody, effect: allow, when: { unix:uid: 4242 } }`));
    const { denied, graceMs } = await gateway.until('rechecked');
    assert.deepEqual([denied, graceMs], [1, 3_600_000]);
    await ask('answer\n');
    assert.deepEqual(gateway.of('revoked'), []);
  });

  it('leaves everybody where they are while a bad policy is on disk', async () => {
    const gateway = await connected();
    folder.write('p.yaml', 'rules: [');
    assert.equal((await gateway.until('policy'))['outcome'], 'rejected');
    await ask('answer\n');
    assert.deepEqual([gateway.of('rechecked'), gateway.of('revoked')], [[], []]);
    client!.stdin!.end();
    await once(client!, 'exit');
  });
});
