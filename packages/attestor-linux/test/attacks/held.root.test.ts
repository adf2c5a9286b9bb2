import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import type { Context } from 'mocha';
import type { Capabilities } from '@portcullis/attestor-linux';
import type { SelectorKey } from '@portcullis/core';
import { requireFeature } from '@portcullis/testkit';
import { compiled } from '../support/compile.js';
import { needAttacks, SOMEBODY } from '../support/features.js';
import { layered } from '../support/layered.js';
import type { PeerProcess } from '../support/peer-process.js';
import type { Said } from '../support/remote-attestor.js';
import { Stage } from '../support/stage.js';
import { needStarving, starve } from '../support/starve.js';

const ANOTHER = SOMEBODY + 1;
const PROGRAM: readonly SelectorKey[] = ['unix:path', 'unix:sha256', 'unix:image'];

/** What a kernel may let others wait for: the feature's name, and how it is tried. */
interface Waiting {
  readonly feature: string;
  readonly command: string;
  readonly file: string;
}

const MEMORY: Waiting = { feature: 'exec-waits', command: '/bin/cat', file: 'auxv' };
const LINKS: Waiting = { feature: 'exec-waits-links', command: '/usr/bin/readlink', file: 'ns/mnt' };

/** Whether the kernel lets whoever looks at a process wait for its exec is the kernel's affair: what we say of it is not. */
describe('T20: a peer that makes whoever looks at it wait', () => {
  let stage: Stage;
  let attestor: PeerProcess;
  let socketPath: string;
  before(function () {
    needAttacks(this);
    requireFeature(this, 'fuse', existsSync('/dev/fuse'), 'there is no /dev/fuse');
  });
  beforeEach(async () => { stage = await Stage.open(); });
  afterEach(async () => { await stage.close(); });

  /** What was found of this kernel, which does not change: each answer takes half a second. */
  const waitingFor = new Map<string, boolean>();

  /** Whether the kernel makes whoever looks at this process wait, asked through a program that can be left waiting. */
  const makesOthersWait = (pid: number, { command, file }: Waiting): boolean => spawnSync('/usr/bin/timeout', ['0.5', command, `/proc/${String(pid)}/${file}`]).status !== 0;

  /** An attestor in a process of its own, which may be held up. */
  async function start(keys: readonly SelectorKey[], without: Partial<Capabilities> = {}, below: readonly string[] = []): Promise<void> {
    socketPath = stage.at('held');
    attestor = stage.start(compiled('mortal'), [...below, process.execPath, join(import.meta.dirname, '../support/attestor-process.js'), socketPath, keys.join(','), JSON.stringify(without)]);
    await attestor.expect('ready');
  }

  /** A peer that is held, and what the attestor says of it. */
  async function held(test: Context, uid = SOMEBODY, waiting = MEMORY): Promise<{ readonly peer: PeerProcess; readonly answer: Promise<Said> }> {
    attestor.child.kill('SIGSTOP'); // so that it looks once the peer is held, not before
    const peer = stage.start(compiled('hold-exec'), [socketPath, compiled('puppet'), String(uid)]);
    const said = await peer.line();
    const waits = said !== 'held' || (waitingFor.get(waiting.file) ?? makesOthersWait(peer.pid, waiting));
    if (said === 'held') waitingFor.set(waiting.file, waits);
    attestor.child.kill('SIGCONT');
    assert.equal(said, 'held');
    requireFeature(test, waiting.feature, waits, `this kernel lets nobody wait for /proc/PID/${waiting.file} until an exec is done`);
    return { peer, answer: answered() };
  }

  async function answered(): Promise<Said> {
    return JSON.parse(await attestor.line()) as Said;
  }

  async function honest(uid: number): Promise<Said> {
    const puppet = stage.start(compiled('puppet'), [socketPath], { uid });
    await puppet.expect('ready');
    const [said] = await Promise.all([answered(), puppet.tell('connect')]);
    return said;
  }

  it('T20: holds up nothing that needs only the socket, the status or the cgroup', async function () {
    await start(['unix:uid', 'linux:live-uid', 'linux:cgroup', 'process:comm', 'linux:pin']);
    const { evidence, code } = await (await held(this)).answer;
    assert.deepEqual([code, Object.values(evidence).map(({ state }) => state)], [undefined, Array(5).fill('present')]);
  });

  for (const [keys, waiting] of [[PROGRAM, MEMORY], [['linux:shared-ns', 'linux:mnt-ns'], LINKS], [['container:id'], LINKS], [['env:HOME', 'process:arg'], MEMORY]] as const) {
    it(`T20: is waited for within bounds: ${keys.join(', ')} are unknown, and nobody else waits`, async function () {
      await start(keys);
      const { evidence } = await (await held(this, SOMEBODY, waiting)).answer;
      for (const key of keys) {
        const entry = evidence[key];
        // The kernel tells arguments without that lock: `process:arg` may be known.
        if (key !== 'process:arg') assert.deepEqual([key, entry?.state, entry?.state === 'unknown' ? entry.why : ''], [key, 'unknown', 'timeout']);
      }
      const other = await honest(ANOTHER);
      assert.deepEqual(keys.map((key) => [key, other.evidence[key]?.state === 'unknown']), keys.map((key) => [key, false]));
    });
  }

  it('T20: its user is not looked at again for a while, and the others are', async function () {
    await start(PROGRAM);
    await (await held(this)).answer;
    const own = (await honest(SOMEBODY)).evidence['unix:path'];
    assert.match(own?.state === 'unknown' ? `${own.why}: ${own.detail ?? ''}` : '', /^timeout: a process of this user/);
    assert.equal((await honest(ANOTHER)).evidence['unix:path']?.state, 'present');
  });

  it('T20: nor for as long as that look is held up: one user holds up one thread', async function () {
    await start(PROGRAM);
    const { peer, answer } = await held(this);
    await answer;
    attestor.child.stdin.write('\n');
    await attestor.expect('later');
    const own = (await honest(SOMEBODY)).evidence['unix:path'];
    assert.match(own?.state === 'unknown' ? `${own.why}: ${own.detail ?? ''}` : '', /^timeout: a process of this user holds up/);
    peer.child.stdin.end();
    while ((await honest(SOMEBODY)).evidence['unix:path']?.state !== 'present') await passed(10);
  });

  it('T20: nor are the further ids that /etc/subuid gives its user', async function () {
    const file = stage.at('subuid');
    writeFileSync(file, `${String(SOMEBODY)}:200000:65536\n`);
    await start(PROGRAM, {}, ['/usr/bin/unshare', '-m', '/bin/sh', '-c', `mount --bind ${file} /etc/subuid && exec "$0" "$@"`]);
    await (await held(this, 200_001)).answer;
    for (const uid of [200_000, SOMEBODY]) {
      const own = (await honest(uid)).evidence['unix:path'];
      assert.match(own?.state === 'unknown' ? `${own.why}: ${own.detail ?? ''}` : '', /^timeout: a process of this user/);
    }
    assert.equal((await honest(300_000)).evidence['unix:path']?.state, 'present');
  });

  it('T20: eight users can hold up eight threads, and then nobody is looked at whom they could be, until one lets go', async function () {
    await start(PROGRAM);
    const peers: PeerProcess[] = [];
    for (let uid = 3000; uid < 3008; uid += 1) {
      const { peer, answer } = await held(this, uid);
      assert.equal((await answer).evidence['unix:path']?.state, 'unknown');
      peers.push(peer);
    }
    const refused = (await honest(ANOTHER)).evidence['unix:path'];
    assert.match(refused?.state === 'unknown' ? `${refused.why}: ${refused.detail ?? ''}` : '', /^timeout: 8 looks are held up/);
    // Who could stop the gateway by a signal needs no such guard.
    assert.equal((await honest(0)).evidence['unix:path']?.state, 'present');
    peers[0]!.child.stdin.end();
    while ((await honest(ANOTHER)).evidence['unix:path']?.state !== 'present') await passed(10);
  });

  it('T20: a program whose link reads as a way through the links of a process that is held up, holds up nobody', async function () {
    await start(PROGRAM);
    const { peer, answer } = await held(this, SOMEBODY, LINKS);
    await answer;
    const link = `/proc/${String(peer.pid)}/ns/mnt`;
    const script = `mount -t tmpfs none /proc && mkdir -p $(dirname ${link}) && cp ${compiled('puppet')} ${link} && exec ${link} "$0"`;
    const puppet = stage.start('/usr/bin/unshare', ['-U', '-r', '-m', '/bin/sh', '-c', script, socketPath], { uid: ANOTHER, env: { PATH: '/usr/bin:/bin' } });
    await puppet.expect('ready');
    const [said] = await Promise.all([answered(), puppet.tell('connect')]);
    const path = said.evidence['unix:path'];
    assert.notEqual(path?.state, 'present');
    assert.equal((await honest(0)).evidence['unix:path']?.state, 'present');
  });

  it('T20: a program on an overlay over a FUSE of its user\'s own, which never answers the event loop, holds up nobody', async function () {
    await start(PROGRAM);
    assert.equal((await honest(ANOTHER)).evidence['unix:path']?.state, 'present');
    const { peer } = await layered(this, stage, socketPath, { frozen: attestor.pid });
    const [said] = await Promise.all([answered(), peer.tell('connect')]);
    assert.deepEqual(PROGRAM.map((key) => said.evidence[key]?.state), PROGRAM.map(() => 'unknown'));
    assert.equal((await honest(ANOTHER)).evidence['unix:path']?.state, 'present');
  });

  for (const [title, again] of [['at its first connection', false], ['when it was known already', true]] as const) {
    it(`T20: who keeps the lock of their own memory has an unknown program, ${title}, and nobody else waits`, async () => {
      await start(PROGRAM);
      if (!again) attestor.child.kill('SIGSTOP');
      const peer = stage.start(compiled('hold-memory'), [socketPath, String(SOMEBODY), ...(again ? ['again'] : [])]);
      if (again) {
        assert.equal((await answered()).evidence['unix:image']?.state, 'present');
        await passed(1000); // for so long what was seen of it serves
        attestor.child.kill('SIGSTOP');
        peer.child.kill('SIGUSR1');
      }
      await peer.expect('held');
      while (!makesOthersWait(peer.pid, { ...MEMORY, file: 'cmdline' })) await passed(10);
      attestor.child.kill('SIGCONT');
      const { evidence } = await answered();
      assert.deepEqual(PROGRAM.map((key) => [key, evidence[key]?.state]), PROGRAM.map((key) => [key, 'unknown']));
      assert.deepEqual((await honest(ANOTHER)).evidence['unix:image'], { state: 'present', values: ['verified'], tier: 'kernel-live' });
      assert.ok(makesOthersWait(peer.pid, { ...MEMORY, file: 'cmdline' }));
    });
  }

  it('T20: below Linux 6.5 the pin, which reads the start time, is waited for within bounds, and nobody else waits', async function () {
    await start(['linux:pin', 'linux:live-uid'], { peerPidFd: false });
    const { code, pin } = await (await held(this)).answer;
    // Where the kernel lets nobody wait for the start time either, the process is pinned.
    assert.ok((code === 'pin-failed' && pin === 'unpinned') || (code === undefined && pin === 'pidfd-open'), JSON.stringify([code, pin]));
    const other = await honest(ANOTHER);
    assert.deepEqual([other.code, other.pin], [undefined, 'pidfd-open']);
  });

  it('T20: over loopback TCP, who looks for the holder and pins it is not held up for good', async function () {
    const server = stage.start(compiled('mortal'), [process.execPath, join(import.meta.dirname, '../support/loopback-process.js'), 'unix:uid,linux:pin']);
    const port = await server.line();
    const connect = async (uid: number): Promise<Pick<Said, 'evidence'>> => {
      const puppet = stage.start(compiled('tcp-puppet'), ['127.0.0.1', port], { uid });
      await puppet.expect('ready');
      puppet.child.stdin.write('connect\n');
      return JSON.parse(await server.line()) as Said;
    };
    server.child.kill('SIGSTOP');
    const peer = stage.start(compiled('hold-exec'), [stage.at('held'), compiled('puppet'), String(SOMEBODY), port]);
    assert.equal(await peer.line(), 'held');
    server.child.kill('SIGCONT');
    const first = JSON.parse(await server.line()) as Said;
    assert.equal(first.evidence['unix:uid']?.state, 'present');
    // Whether it waits for the search or for the pin, the event loop turns, and what the kernel says of others' sockets is known.
    assert.equal((await connect(ANOTHER)).evidence['unix:uid']?.state, 'present');
    peer.child.stdin.end();
    while ((await connect(ANOTHER)).evidence['linux:pin']?.state !== 'present') await passed(10);
    assert.equal(server.child.exitCode, null);
  });

  it('T20: over loopback TCP, a holder that stops in an exec after it was found holds up no pin', async function () {
    const server = stage.start(compiled('mortal'), [process.execPath, join(import.meta.dirname, '../support/holder-process.js')]);
    const peer = stage.start(compiled('hold-exec'), [stage.at('held'), compiled('puppet'), String(SOMEBODY), await server.line()]);
    assert.equal(await peer.line(), 'held');
    await server.expect('accepted');
    const waits = makesOthersWait(peer.pid, MEMORY);
    server.child.stdin.write(`${String(peer.pid)} 3\n`); // the descriptor of its socket
    const said = JSON.parse(await server.line()) as { readonly held: string; readonly pinned: boolean };
    requireFeature(this, 'exec-waits', waits, 'this kernel lets nobody wait until an exec is done');
    assert.deepEqual(said, { held: 'timeout', pinned: false });
  });

  it('T20: on a host that has no processor time for a look, nobody is taken for one who holds it up', async function () {
    this.timeout(180_000); // a thread that does not come up is waited for, too
    needStarving(this);
    await start(['unix:path', 'unix:image']);
    await honest(SOMEBODY);
    const { pid } = attestor.child;
    const threads = readdirSync(`/proc/${String(pid)}/task`).map(Number).filter((thread) => thread !== pid);
    const feed = await starve(threads, 2);
    try {
      for (let uid = SOMEBODY, late = 0; late < 2; uid += 1) {
        const { evidence: { 'unix:path': path }, lookMs } = await honest(uid);
        // Whether a look gets its processor in the second that it is given, or a thread comes up for the next, the machine says.
        if (path?.state === 'unknown') assert.match(`${path.why}: ${path.detail ?? ''}`, /^timeout: .* no processor time |^system-error: no thread that looks at processes could be started$/);
        if (path?.state === 'unknown' || lookMs > 250) late += 1;
      }
    } finally {
      feed();
    }
  });

  it('T20: the gateway ends when it is told to, though a thread of it is held up', async function () {
    await start(PROGRAM);
    await (await held(this)).answer;
    attestor.child.stdin.end();
    await attestor.exited;
    assert.equal(attestor.child.exitCode, 0);
  });
});
