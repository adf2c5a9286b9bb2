import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readlinkSync, realpathSync } from 'node:fs';
import { requireRoot, skipUnless } from '@portcullis/testkit';
import { Folder, policy } from './support/folder.js';
import { Serving, until } from './support/serving.js';
import { UpstreamServer } from './support/upstream.js';

const PYTHON = '/usr/bin/python3';
/** An allowed program that keeps its descriptors and says nothing. */
const SLEEP = '/usr/bin/sleep';
const SOMEBODY = 54_321;

/** Connects; what it does then is said line by line on its standard input. */
const CLIENT = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
def child(work):
    if os.fork() == 0:
        work(); os._exit(0)
    os.wait()
print('connected', flush=True)
for line in sys.stdin:
    exec(line)
    print('done', flush=True)
`;

describe('portcullis serve: handoff', function () {
  let folder: Folder;
  let upstream: UpstreamServer;
  let serving: Serving | undefined;
  let heard: string;
  let clients: ChildProcess[];

  before(function () {
    skipUnless(this, process.platform === 'linux', 'macOS has no credentials of a message');
    requireRoot(this, 'starts peers as another user');
    skipUnless(this, existsSync(PYTHON) && existsSync(SLEEP), 'needs python3 and sleep');
  });

  beforeEach(async () => {
    folder = new Folder();
    heard = '';
    clients = [];
    upstream = await UpstreamServer.listen(folder.at('up.sock'), (socket) => {
      socket.on('data', (bytes) => { heard += bytes.toString(); }).on('end', () => socket.end());
    });
  });

  afterEach(async () => {
    for (const child of clients) child.kill('SIGKILL');
    await serving?.stop();
    serving = undefined;
    await upstream.close();
    folder.remove();
  });

  async function start(...rules: readonly string[]): Promise<Serving> {
    folder.write('p.yaml', policy(...rules));
    return (serving = await Serving.start(['--policy', folder.at('p.yaml'), '--mode', '0666', '--listen', `unix:${folder.at('g.sock')}`, '--upstream', `unix:${folder.at('up.sock')}`]));
  }

  /** An unprivileged process that has connected; `tell` resolves when it did what it was told. */
  async function client(): Promise<{ readonly tell: (line: string) => Promise<void>; readonly say: (line: string) => void }> {
    const child = spawn(PYTHON, ['-c', CLIENT, folder.at('g.sock')], { uid: SOMEBODY, gid: SOMEBODY, stdio: ['pipe', 'pipe', 'inherit'] });
    clients.push(child);
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => { said += part; });
    child.stdin.on('error', () => undefined);
    let lines = 0;
    const next = async (): Promise<void> => { lines += 1; await until(() => said.split('\n').length > lines, 'the client answers'); };
    await next();
    const say = (line: string): void => { child.stdin.write(`${line}\n`); };
    return { say, tell: async (line) => { say(line); await next(); } };
  }

  const SOMEONE = `{ id: somebody, effect: allow, when: { unix:uid: ${String(SOMEBODY)} }, handoff: deny }`;
  const SLEEPER = `{ id: sleeper, effect: allow, when: { unix:uid: ${String(SOMEBODY)}, unix:path: ${SLEEP} }, handoff: deny }`;

  it('T9: nothing that another process writes reaches the upstream: the connection ends, and the record names the word', async () => {
    const gateway = await start(SOMEONE);
    const { tell } = await client();
    await tell('s.sendall(b"own")');
    await until(() => heard === 'own', 'what the connector sends passes');
    await tell('child(lambda: s.sendall(b"foreign"))');
    const { cause, word, rule, detail } = (await gateway.until('revoked')) as Record<string, unknown>;
    assert.deepEqual([cause, word, rule], ['foreign-sender', 'handoff', 'somebody']);
    assert.match(String(detail), /^pid \d+, uid 54321 sent; pid \d+, uid 54321 connected$/);
    await until(() => upstream.sockets.every(({ readableEnded, destroyed }) => readableEnded || destroyed), 'the upstream sees the end');
    assert.equal(heard, 'own');
  });

  it('T9: without the word it does', async () => {
    const gateway = await start(SOMEONE.replace(', handoff: deny', ''));
    const { tell } = await client();
    await tell('child(lambda: s.sendall(b"foreign"))');
    await until(() => heard === 'foreign', 'the word is what makes the difference');
    assert.deepEqual(gateway.of('revoked'), []);
  });

  it('T2: a child that was left behind before an exec, and before the accept, gets no byte through', async () => {
    const gateway = await start(SLEEPER);
    gateway.signal('SIGSTOP');
    const { say } = await client();
    // The child writes once the gateway has looked at its parent, which runs the allowed program by then.
    say(`r, w = os.pipe(); os.set_inheritable(s.fileno(), True); pid = os.fork(); (os.close(w), os.read(0, 1), s.sendall(b"foreign"), os._exit(0)) if pid == 0 else os.execv("${SLEEP}", ["sleep", "60"])`);
    await untilExec(clients[0]!);
    gateway.signal('SIGCONT');
    const { decision, rule } = (await gateway.until('decision')) as Record<string, unknown>;
    assert.deepEqual([decision, rule], ['allow', 'sleeper']);
    clients[0]!.stdin!.write('x');
    const { word } = (await gateway.until('revoked')) as Record<string, unknown>;
    assert.deepEqual([word, heard], ['handoff', '']);
  });

  it('T2, T3: what was written before an exec, and before the accept, is refused where early data is denied beside it', async () => {
    const gateway = await start(SLEEPER, '{ id: no-early-data, effect: deny, when: { socket:early-data: { not: 0 } } }');
    gateway.signal('SIGSTOP');
    const { tell, say } = await client();
    await tell('s.sendall(b"early")');
    say(`os.set_inheritable(s.fileno(), True); os.execv("${SLEEP}", ["sleep", "60"])`);
    await untilExec(clients[0]!);
    gateway.signal('SIGCONT');
    const { decision, rule } = (await gateway.until('decision')) as Record<string, unknown>;
    assert.deepEqual([decision, rule, heard], ['deny', 'no-early-data', '']);
  });

  it('T2, T3: and passes where it is not: the same process sent it, as far as the kernel says', async () => {
    const gateway = await start(SLEEPER);
    gateway.signal('SIGSTOP');
    const { tell, say } = await client();
    await tell('s.sendall(b"early")');
    say(`os.set_inheritable(s.fileno(), True); os.execv("${SLEEP}", ["sleep", "60"])`);
    await untilExec(clients[0]!);
    gateway.signal('SIGCONT');
    await until(() => heard === 'early', 'what remains of T2');
    assert.deepEqual(gateway.of('revoked'), []);
  });

  it('takes effect with the policy that says it: connections that were not read so end, and those that come after are', async () => {
    const gateway = await start(SOMEONE.replace(', handoff: deny', ''));
    const before = await client();
    await before.tell('s.sendall(b"1")');
    await until(() => heard === '1', 'the first is served');
    folder.write('p.yaml', policy(SOMEONE));
    // Nobody can tell any more who sent what came before: it does not stay.
    const { cause, word } = (await gateway.until('revoked')) as Record<string, unknown>;
    assert.deepEqual([cause, word], ['policy-changed', 'handoff']);
    const after = await client();
    await after.tell('s.sendall(b"2")');
    await until(() => heard === '12', 'the second is served');
    await after.tell('child(lambda: s.sendall(b"foreign"))');
    await until(() => gateway.of('revoked').length === 2, 'the second is revoked');
    assert.deepEqual([gateway.of('revoked')[1]?.['cause'], heard], ['foreign-sender', '12']);
  });
});

function untilExec(child: ChildProcess): Promise<void> {
  return until(() => readlinkSync(`/proc/${String(child.pid)}/exe`) === realpathSync(SLEEP), 'the client runs another program');
}
