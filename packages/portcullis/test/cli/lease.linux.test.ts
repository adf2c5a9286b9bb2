import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { skipUnless } from '@portcullis/testkit';
import { ALLOW_ME, Folder, policy } from './support/folder.js';
import { Serving, until } from './support/serving.js';
import { UpstreamServer } from './support/upstream.js';

const PYTHON = '/usr/bin/python3';
/** Connects, waits for the first byte, and goes into the background: what was a child goes on with the connection. */
const DAEMON = `
import os, socket, sys
gate = socket.socket(socket.AF_UNIX); gate.connect(sys.argv[1]); gate.send(b'hello'); gate.recv(1)
if os.fork(): os._exit(0)
print('rest', gate.recv(1), flush=True)
`;

/** Connects, waits for the first byte, and runs another program, which holds on to the connection. */
const EXECS = `
import os, socket, sys
gate = socket.socket(socket.AF_UNIX); gate.connect(sys.argv[1]); gate.send(b'hello'); gate.recv(1)
gate.set_inheritable(True)
os.execv('/bin/sleep', ['sleep', '1000'])
`;

describe('portcullis serve: leases', function () {
  let folder: Folder;
  let upstream: UpstreamServer;
  let serving: Serving | undefined;
  let gone = 0;

  before(function () {
    skipUnless(this, process.platform === 'linux', 'needs Linux');
    skipUnless(this, existsSync(PYTHON), 'needs python3');
  });

  beforeEach(async () => {
    folder = new Folder();
    gone = 0;
    upstream = await UpstreamServer.listen(folder.at('up.sock'), (socket) => {
      socket.on('data', () => socket.write('x')).on('end', () => { gone += 1; socket.end(); }).on('error', () => undefined);
    });
  });

  afterEach(async () => {
    await serving?.stop();
    serving = undefined;
    await upstream.close();
    folder.remove();
  });

  async function daemon(text: string): Promise<{ readonly said: () => string; readonly gateway: Serving }> {
    folder.write('p.yaml', text);
    const gateway = (serving = await Serving.start(['--policy', folder.at('p.yaml'), '--listen', `unix:${folder.at('g.sock')}`, '--upstream', `unix:${folder.at('up.sock')}`]));
    const python = spawn(PYTHON, ['-c', DAEMON, folder.at('g.sock')], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    python.stdout.setEncoding('utf8').on('data', (part: string) => { said += part; });
    await once(python, 'exit');
    return { said: () => said, gateway };
  }

  it('T9: a client that forks into the background loses its connection, and the record names the word that governs it', async () => {
    const { said, gateway } = await daemon(policy(ALLOW_ME));
    const record = await gateway.until('revoked');
    const { cause, word, rule, listener, peer } = record as Record<string, unknown>;
    assert.deepEqual([cause, word, rule, listener], ['peer-exited', 'lease.onPeerExit', 'me', 'default']);
    assert.deepEqual(peer, gateway.of('decision')[0]?.['peer']);
    await until(() => said().endsWith('\n'), 'the child sees the end');
    await until(() => gone === 1, 'the upstream sees the end');
    assert.equal(said(), "rest b''\n");
  });

  it('T2, I7: a client that a deny of programs let pass loses its connection when it runs one of them', async () => {
    folder.write('p.yaml', `${policy(ALLOW_ME, '{ id: no-sleep, effect: deny, when: { unix:path: { glob: /**/sleep } } }')}lease: { reverify: 100ms }\n`);
    const gateway = (serving = await Serving.start(['--policy', folder.at('p.yaml'), '--listen', `unix:${folder.at('g.sock')}`, '--upstream', `unix:${folder.at('up.sock')}`]));
    const client = spawn(PYTHON, ['-c', EXECS, folder.at('g.sock')], { stdio: 'inherit' });
    try {
      const { cause, word, rule } = await gateway.until('revoked') as Record<string, unknown>;
      assert.deepEqual([cause, word, rule, gateway.of('decision')[0]?.['decision']], ['program-changed', 'lease.onExec', 'me', 'allow']);
    } finally {
      client.kill('SIGKILL');
    }
  });

  it('T3: a rule may deny what was sent before anybody looked', async () => {
    folder.write('p.yaml', policy(ALLOW_ME, '{ id: no-early-data, effect: deny, when: { socket:early-data: { not: 0 } } }'));
    const gateway = (serving = await Serving.start(['--policy', folder.at('p.yaml'), '--listen', `unix:${folder.at('g.sock')}`, '--upstream', `unix:${folder.at('up.sock')}`]));
    gateway.signal('SIGSTOP');
    const eager = connect(folder.at('g.sock')).on('error', () => undefined);
    await new Promise<void>((resolve) => { eager.write('early', () => { resolve(); }); });
    gateway.signal('SIGCONT');
    const { decision, rule, selectors } = (await gateway.until('decision')) as Record<string, unknown>;
    assert.deepEqual([decision, rule], ['deny', 'no-early-data']);
    assert.deepEqual((selectors as Record<string, unknown>)['socket:early-data'], { values: [5], tier: 'kernel-live' });
    assert.equal(upstream.bytes, 0);
    eager.destroy();
  });

  it('T9: with that word it may go on', async () => {
    const { gateway } = await daemon(policy(ALLOW_ME.replace(/ \}$/, ', lease: { onPeerExit: ignore } }')));
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual([gateway.of('revoked'), gone], [[], 0]);
    for (const socket of upstream.sockets) socket.destroy(); // ends the child
  });
});
