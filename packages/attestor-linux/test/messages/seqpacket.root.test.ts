import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import type { Policy, SelectorKey } from '@portcullis/core';
import { allowUids, stubPolicy } from '@portcullis/core/testing';
import { SO_PASSRIGHTS, SO_PEERCRED, SO_PEERPIDFD } from '../../dist/ffi/constants.js';
import { ENOMEM, ENOPROTOOPT, ESRCH } from '../../dist/ffi/errno.js';
import { heldDescriptors } from '../../dist/held-descriptors.js';
import { compiled } from '../support/compile.js';
import { descriptorLinks, openDescriptors } from '../support/descriptors.js';
import { injectFaults } from '../support/faults.js';
import { needAttacks, needPeerPidFd, needProgram, needUserNamespaces, SOMEBODY } from '../support/features.js';
import { failOption } from '../support/intercept.js';
import { CLAIM, IN_ITS_OWN_NAMESPACES } from '../support/messages.js';
import { Receiving, type ReceivingOptions } from '../support/receiving.js';

const OTHER = SOMEBODY + 1;
const asking = (...keys: readonly SelectorKey[]): Policy => stubPolicy({ keys, allow: () => true });
/** Below Linux 6.16 who sends and leaves at once may have left before its connection is accepted: then nobody can say who it was. */
const staying = (body: string): string => `${body}\nsys.stdin.readline()`;
/** Waits until the other side hung up, and says so. */
const HUNG_UP = 'print("hung up" if s.recv(1) == b"" else "?", flush=True)';

describe('messages: seqpacket connections', () => {
  let receiving: Receiving;
  before(function () { needAttacks(this); needProgram(this, '/usr/bin/python3'); });
  afterEach(async () => { await receiving.close(); });

  const start = async (policy: Policy, options: ReceivingOptions = {}): Promise<Receiving> => (receiving = await Receiving.start(policy, { kind: 'seqpacket', ...options }));

  it('hands on each message whole, in order, also an empty one, until the sender hangs up', async () => {
    await start(allowUids(SOMEBODY));
    const sockets = (): number => descriptorLinks().filter((link) => link.startsWith('socket:')).length;
    const before = sockets();
    const first = receiving.start(staying('for text in (b"one", b"", b"three" * 1000): s.send(text)'), { uid: SOMEBODY });
    await receiving.settled(3);
    assert.deepEqual(receiving.texts, ['one', '', 'three'.repeat(1000)]);
    const second = receiving.start(staying('s.send(b"four")'), { uid: SOMEBODY });
    await receiving.settled(4);
    await Promise.all([first.kill(), second.kill()]);
    while (sockets() !== before) await passed(5);
  });

  it('hangs up on a refused sender, and hands on nothing of it', async () => {
    await start(allowUids(SOMEBODY));
    const refused = receiving.start(`s.send(b"no")\n${HUNG_UP}`, { uid: OTHER });
    await refused.expect('hung up');
    await receiving.settled(1);
    assert.deepEqual([receiving.texts, receiving.refused[0]?.peer?.uid], [[], OTHER]);
  });

  it('T9: refuses a message that another process sends on the connection, and hangs up', async () => {
    await start(allowUids(0, SOMEBODY));
    const sending = receiving.start(`
s.send(b"connector")
sys.stdin.readline()
if os.fork() == 0:
    s.send(b"child"); os._exit(0)
os.wait()
${HUNG_UP}`, { uid: SOMEBODY });
    await receiving.settled(1);
    sending.child.stdin.write('go on\n');
    await sending.expect('hung up');
    await receiving.settled(2);
    assert.deepEqual([receiving.texts, receiving.reasons], [['connector'], ['sender-not-connector']]);
  });

  it('T9: refuses whatever comes in the name of a connector in whose name others can send', async function () {
    needUserNamespaces(this);
    await start(allowUids(0, SOMEBODY));
    receiving.start(staying(CLAIM), { uid: SOMEBODY }, IN_ITS_OWN_NAMESPACES);
    await receiving.settled(1);
    assert.deepEqual([receiving.texts, receiving.reasons], [[], ['sender-claimable']]);
  });

  it('T9: refuses a child that goes on after its parent has gone', async () => {
    await start(allowUids(SOMEBODY));
    receiving.run('if os.fork() == 0:\n    time.sleep(0.2); s.send(b"child"); os._exit(0)', { uid: SOMEBODY });
    await receiving.settled(1);
    // Below Linux 6.16 the parent is known to be gone where it was reaped before its connection was accepted.
    assert.deepEqual([receiving.texts, receiving.reasons.length], [[], 1]);
    assert.match(receiving.reasons.join(), /^(sender-not-connector|peer-exited)$/);
  });

  it('T1: refuses by name who was reaped before its connection was accepted, as below Linux 6.16', async function () {
    needPeerPidFd(this);
    await start(allowUids(SOMEBODY));
    const stop = injectFaults(({ name, args }) => (name === 'getsockopt' && args[2] === SO_PEERPIDFD ? { errno: ESRCH } : undefined));
    try {
      await receiving.start(`s.send(b"x")\n${HUNG_UP}`, { uid: SOMEBODY }).expect('hung up');
    } finally {
      stop();
    }
    await receiving.settled(1);
    assert.deepEqual([receiving.texts, receiving.reasons, receiving.failures], [[], ['peer-exited'], []]);
  });

  it('T20: says why where it could not look at who connected', async () => {
    await start(allowUids(SOMEBODY));
    const stop = injectFaults(({ name, args }) => (name === 'getsockopt' && args[2] === SO_PEERCRED ? { errno: ENOMEM } : undefined));
    try {
      await receiving.start(HUNG_UP, { uid: SOMEBODY }).expect('hung up');
    } finally {
      stop();
    }
    while (receiving.failures.length === 0) await passed(5);
    assert.match(String(receiving.failures[0]), /SO_PEERCRED.*ENOMEM/);
    assert.deepEqual([receiving.texts, receiving.reasons], [[], []]);
  });

  it('T10: refuses what a set-uid program sends for its caller, and what a caller that became one sends', async () => {
    await start(asking('unix:path'));
    const helper = join(receiving.folder, 'helper');
    copyFileSync(compiled('say'), helper);
    chmodSync(helper, 0o4755);
    const say = (how: string): string => `
import subprocess
os.set_inheritable(s.fileno(), True)
${how}(${how === 'os.execv' ? `${JSON.stringify(helper)}, ` : ''}[${JSON.stringify(helper)}, str(s.fileno()), 'by root']${how === 'os.execv' ? '' : ', close_fds=False, stdin=sys.stdin'})`;
    receiving.start(say('subprocess.run'), { uid: SOMEBODY });
    await receiving.settled(1);
    receiving.start(say('os.execv'), { uid: SOMEBODY });
    await receiving.settled(2);
    assert.deepEqual([receiving.texts, receiving.reasons], [[], ['sender-not-connector', 'sender-set-id']]);
  });

  it('T2: the same process under another program is asked about again with every message', async () => {
    await start(stubPolicy({ keys: ['unix:path'], allow: (evidence) => String((evidence.get('unix:path') as { values?: readonly string[] }).values?.[0]).includes('python') }));
    const sending = receiving.start(`
s.send(b"python")
sys.stdin.readline()
os.set_inheritable(s.fileno(), True)
os.execv(${JSON.stringify(compiled('say'))}, ['say', str(s.fileno()), 'another'])`, { uid: SOMEBODY });
    await receiving.settled(1);
    sending.child.stdin.write('go\n');
    await receiving.settled(2);
    assert.deepEqual([receiving.texts, receiving.refused[0]?.decision.cause], [['python'], 'default']);
  });

  it('closes the descriptors that come along', async () => {
    const stop = failOption(SO_PASSRIGHTS, ENOPROTOOPT); // also of what is accepted
    await start(asking('unix:uid'));
    const before = openDescriptors();
    const sending = receiving.start('s.sendmsg([b"x"], [rights(253)])\ntime.sleep(60)', { uid: SOMEBODY });
    await receiving.settled(1);
    stop();
    assert.deepEqual([receiving.texts, openDescriptors()], [['x'], before + 3]); // two of the process, and the connection
    await sending.kill();
  });

  it('T20: takes its connections out of what the gates of this process have room for, and gives them back', async () => {
    await start(allowUids(SOMEBODY, 0));
    const before = heldDescriptors();
    const held = ['a', 'b'].map((name) => receiving.start(`s.send(b"${name}")\nsys.stdin.readline()`, { uid: SOMEBODY }));
    await receiving.settled(2);
    assert.equal(heldDescriptors(), before + 2);
    await Promise.all(held.map((peer) => peer.kill()));
    receiving.run('s.send(b"c")'); // whoever left before it was noticed by then
    await receiving.settled(3);
    await receiving.close();
    assert.equal(heldDescriptors(), before);
  });

  it('T20: hangs up on the connections that are too many, in all and of one user', async () => {
    await start(allowUids(SOMEBODY, OTHER), { maxConnections: 3, maxConnectionsPerUid: 2 });
    const held = ['a', 'b'].map((name) => receiving.start(`s.send(b"${name}")\ntime.sleep(60)`, { uid: SOMEBODY }));
    await receiving.settled(2);
    await receiving.start(HUNG_UP, { uid: SOMEBODY }).expect('hung up');
    receiving.start('s.send(b"c")\ntime.sleep(60)', { uid: OTHER });
    await receiving.settled(3);
    await receiving.start(HUNG_UP, { uid: OTHER }).expect('hung up');
    await held[0]?.kill();
    receiving.start(staying('s.send(b"d")'), { uid: SOMEBODY });
    await receiving.settled(4);
    assert.deepEqual([...receiving.texts].sort(), ['a', 'b', 'c', 'd']);
  });

  it('ends every connection and removes the path when it is closed', async () => {
    await start(allowUids(SOMEBODY));
    const before = openDescriptors();
    const sending = receiving.start(`s.send(b"x")\n${HUNG_UP}`, { uid: SOMEBODY });
    await receiving.settled(1);
    const { path } = receiving.receiver;
    assert.ok(path !== undefined && existsSync(path));
    await Promise.all([receiving.receiver.close(), sending.expect('hung up')]);
    await sending.kill();
    assert.ok(!existsSync(path));
    assert.ok(openDescriptors() < before);
  });
});
