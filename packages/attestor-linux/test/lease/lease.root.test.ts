import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as passed } from 'node:timers/promises';
import type { Socket } from 'node:net';
import { probeCapabilities } from '@portcullis/attestor-linux';
import { admissionOf, type Uid } from '@portcullis/core';
import { requireFeature } from '@portcullis/testkit';
import { SO_PEERPIDFD } from '../../dist/ffi/constants.js';
import { EMFILE } from '../../dist/ffi/errno.js';
import { readBounded } from '../../dist/held-up/looks.js';
import { MOST_KNOWN_PROCESSES } from '../../dist/image/process-cache.js';
import { compiled } from '../support/compile.js';
import { openDescriptors } from '../support/descriptors.js';
import { ERRNOS } from '../support/errnos.js';
import { injectFaults } from '../support/faults.js';
import { needAttacks, needPeerPidFd, needProgram, SOMEBODY } from '../support/features.js';
import { Leased, until, type LeasedOptions } from '../support/leased.js';
import { friend, passTo, sender } from '../support/messages.js';
import { Stage } from '../support/stage.js';

const PYTHON = '/usr/bin/python3';
const PROGRAM = ['unix:path', 'unix:image'] as const;

describe('lease: the right of a live connection to stay (I7)', () => {
  let stage: Stage;
  let leased: Leased | undefined;
  let other: string;
  before(function () { needAttacks(this); });
  beforeEach(async () => {
    stage = await Stage.open();
    other = stage.install(compiled('puppet'), 'other');
  });
  afterEach(async () => {
    await leased?.close();
    leased = undefined;
    await stage.close();
  });

  async function admit({ uid = SOMEBODY, ...options }: LeasedOptions & { readonly uid?: number } = {}) {
    leased ??= await Leased.start(stage, options);
    return { leased, ...(await leased.puppet({ uid, program: compiled('puppet') })) };
  }

  for (const [kernel, without] of [['with SO_PEERPIDFD', {}], ['without SO_PEERPIDFD', { peerPidFd: false }], ['without unique pidfd inodes', { uniquePidfdInodes: false }]] as const) {
    it(`T9: ${kernel}, a connection ends when its peer exits, even where a child of the peer holds it`, async () => {
      const { leased, puppet, socket } = await admit({ without });
      await passed(20); // the lease has begun
      puppet.child.stdin.write('orphan\n');
      await until(() => leased.revocations.length === 1);
      const [revocation] = leased.revocations;
      assert.deepEqual([revocation?.cause, revocation?.word, socket.destroyed], ['peer-exited', 'lease.onPeerExit', true]);
      assert.equal(revocation?.admission.decision.rules[0], 'everyone');
    });

    it(`T9: ${kernel}, so does one that began after the last of that process was over`, async () => {
      const { leased, puppet, socket } = await admit({ without });
      await passed(20); // the lease has begun
      socket.destroy();
      await puppet.tell('close');
      await passed(20); // and is over
      await puppet.tell('connect');
      await until(() => leased.sockets.length === 2);
      await passed(20);
      puppet.child.stdin.write('orphan\n');
      await until(() => leased.revocations.length === 1);
      assert.equal(leased.revocations[0]?.cause, 'peer-exited');
    });
  }

  it('T20: leases that no exit ends give their descriptors back, though they were verified', async () => {
    const { leased, puppet, socket } = await admit({ terms: { onPeerExit: 'ignore' } });
    socket.destroy();
    await puppet.tell('close');
    const before = openDescriptors();
    for (let count = 1; count <= 20; count += 1) {
      await puppet.tell('connect');
      await until(() => leased.sockets.length > count);
      assert.equal(admissionOf(leased.sockets[count]!).reverify(), undefined);
      leased.sockets[count]!.destroy();
      await puppet.tell('close');
    }
    await until(() => openDescriptors() - before < 10);
  });

  it('T20: leases of programs give their images back, however many processes there were', async function () {
    this.timeout(240_000);
    const before = openDescriptors();
    for (let count = 0; count < MOST_KNOWN_PROCESSES + 24; count += 1) {
      const { puppet, socket } = await admit({ keys: ['unix:path'], terms: { onExec: 'revoke' } });
      socket.destroy();
      await puppet.kill();
    }
    // Two of each process that is known still: its memory and its file.
    await until(() => openDescriptors() - before <= 2 * MOST_KNOWN_PROCESSES + 20);
  });

  it('T9: a peer that exits before its lease has begun is found all the same', async () => {
    const { leased, puppet } = await admit();
    puppet.child.stdin.write('orphan\n');
    await until(() => leased.revocations.length === 1);
    assert.equal(leased.revocations[0]?.cause, 'peer-exited');
  });

  it('T9: the exit is heard by a lease that begins after it, though an earlier connection of that process is there still', async () => {
    const { leased, puppet, socket } = await admit();
    socket.pause();
    await passed(20); // its lease has begun
    await puppet.tell('write');
    await puppet.tell('close'); // nobody reads what came, so it stays
    puppet.child.stdin.write('connect\norphan\n'); // gone long before the lease of this one begins
    await until(() => leased.revocations.length === 1);
    assert.deepEqual([leased.revocations[0]?.cause, leased.sockets.map(({ destroyed }) => destroyed)], ['peer-exited', [false, true]]);
  });

  for (const [where, takes] of [['was passed to an unrelated process of another user', true], ['is on its way to one, and in no process at all', false]] as const) {
    it(`T9: a connection ends when its peer exits, even where it ${where}`, async function () {
      needProgram(this, PYTHON);
      leased = await Leased.start(stage);
      const name = `portcullis-friend-${String(process.pid)}-${String(takes)}`;
      const other = stage.start(PYTHON, friend(name), { uid: SOMEBODY + 1 });
      await other.expect('listens');
      const peer = stage.start(PYTHON, sender(leased.socketPath, 'SOCK_STREAM', `${passTo(name)}\nsys.stdin.readline()`), { uid: SOMEBODY });
      await peer.expect('passed');
      if (takes) {
        other.child.stdin.write('go\n');
        await other.expect('wrote');
        await until(() => [...leased!.received.values()].includes('stranger')); // the default: `handoff: deny` keeps it out
      }
      await passed(20); // the lease has begun
      assert.deepEqual([leased.sockets.length, leased.revocations], [1, []]);
      peer.child.stdin.write('go\n');
      await until(() => leased!.revocations.length === 1);
      assert.deepEqual([leased.revocations[0]?.cause, leased.sockets[0]?.destroyed], ['peer-exited', true]);
    });
  }

  it('what a peer sent before it exited is read, and its connection ends by itself', async () => {
    const { leased, puppet, socket } = await admit();
    socket.pause();
    await puppet.tell('write');
    puppet.child.stdin.write('quit\n');
    await puppet.exited;
    await passed(20); // the exit was told meanwhile
    socket.resume();
    await until(() => socket.destroyed);
    assert.deepEqual([leased.received.get(socket), leased.revocations], ['bytes', []]);
  });

  it('`onPeerExit: ignore` lets a child go on', async () => {
    const { leased, puppet, socket } = await admit({ terms: { onPeerExit: 'ignore' } });
    puppet.child.stdin.write('orphan\n');
    await puppet.exited;
    await passed(50);
    assert.deepEqual([leased.revocations, socket.destroyed], [[], false]);
    socket.destroy(); // ends the child
  });

  it('T2: `onExec: revoke` ends the connection of a peer that runs another program, when it is looked at', async () => {
    const { leased, puppet, socket, admission } = await admit({ keys: PROGRAM, terms: { onExec: 'revoke' } });
    assert.equal(admission.reverify(), undefined);
    await puppet.tell('keep');
    await puppet.tell(`exec ${other}`);
    assert.equal(admission.reverify()?.refused, 'peer-changed');
    assert.equal(socket.destroyed, true);
    await until(() => leased.revocations.length === 1);
    assert.deepEqual([leased.revocations[0]?.cause, leased.revocations[0]?.word], ['program-changed', 'lease.onExec']);
    assert.equal(admission.reverify()?.refused, 'lease-ended');
  });

  for (const [title, commands] of [['the same program', ['execself']], ['the same program, while a sibling keeps the old memory alive', ['sibling', 'execself']]] as const) {
    it(`T2: an exec of ${title} is found at once`, async () => {
      const { puppet, admission } = await admit({ keys: PROGRAM, terms: { onExec: 'revoke' } });
      await puppet.tell('keep');
      for (const command of commands) await puppet.tell(command);
      assert.equal(admission.reverify()?.refused, 'peer-changed');
    });
  }

  it('T2: an interval finds it without being asked', async () => {
    const { leased, puppet, socket } = await admit({ keys: PROGRAM, terms: { onExec: 'revoke', reverifyMs: 20 } });
    await passed(60);
    assert.equal(socket.destroyed, false);
    await puppet.tell('keep');
    await puppet.tell(`exec ${other}`);
    await until(() => leased.revocations.length === 1);
    assert.equal(leased.revocations[0]?.word, 'lease.onExec');
  });

  describe('whose program cannot be seen', () => {
    const now = performance.now.bind(performance);
    let later = 0;
    let fifo: string;
    /** Of nobody that another test knows: who held up a look is left alone for a while. */
    let uid = 7_700_020;
    beforeEach(() => {
      later = 0;
      uid += 1;
      performance.now = () => now() + later;
      fifo = stage.at('fifo');
      assert.equal(spawnSync('/usr/bin/mkfifo', [fifo]).status, 0);
    });
    afterEach(() => {
      performance.now = now;
      letGo();
    });
    const letGo = (): void => { closeSync(openSync(fifo, 'r+')); };
    /** Something else of the peer's user is looked at, and holds that up. */
    const holdUp = (): void => { assert.ok('why' in readBounded({ uid: uid as Uid, direct: false }, fifo)); };

    it('T20: is not said to have changed, and stays where it is seen again', async () => {
      const { leased, socket, admission } = await admit({ uid, keys: PROGRAM, terms: { onExec: 'revoke' } });
      holdUp();
      assert.deepEqual([admission.reverify()?.refused, socket.destroyed], ['peer-unseen', false]);
      letGo();
      later += 12_000; // its user is looked at again
      await until(() => admission.reverify() === undefined);
      later += 60_000;
      holdUp();
      assert.equal(admission.reverify()?.refused, 'peer-unseen');
      await passed(1_500); // the next look
      assert.deepEqual([leased.revocations, socket.destroyed], [[], false]);
    });

    it('I2: is revoked by a name of its own where nobody sees it for long, without being asked again', async () => {
      const { leased, socket, admission } = await admit({ uid, keys: PROGRAM, terms: { onExec: 'revoke' } });
      holdUp();
      assert.deepEqual([admission.reverify()?.refused, socket.destroyed], ['peer-unseen', false]);
      later += 60_000;
      await until(() => leased.revocations.length === 1);
      assert.deepEqual([leased.revocations[0]?.cause, leased.revocations[0]?.word, socket.destroyed], ['program-unseen', 'lease.onExec', true]);
    });

    it('T20: has not changed where this process has no descriptor left to look with, whichever it is that fails', async () => {
      const { socket, admission } = await admit({ uid: 0, keys: PROGRAM, terms: { onExec: 'revoke' } }); // root is looked at by this thread
      const reverify = (failing?: number): { readonly refused: string | undefined; readonly opens: number } => {
        let opens = 0;
        const stop = injectFaults(({ name }) => (name.startsWith('open') && (opens += 1) === failing ? { errno: EMFILE } : undefined));
        try {
          return { refused: admission.reverify()?.refused, opens };
        } finally {
          stop();
        }
      };
      const { opens } = reverify();
      assert.ok(opens > 2); // auxiliary vector, exe, and the way that its link says
      for (let failing = 1; failing <= opens; failing += 1) assert.deepEqual([failing, reverify(failing).refused], [failing, 'peer-unseen']);
      assert.deepEqual([admission.reverify(), socket.destroyed], [undefined, false]);
    });

    it('is not revoked where it may run what it likes', async () => {
      const { leased, socket, admission } = await admit({ uid, keys: PROGRAM, terms: { reverifyMs: 3_600_000 } });
      holdUp();
      assert.equal(admission.reverify()?.refused, 'peer-unseen');
      later += 60_000;
      await passed(1_500);
      assert.deepEqual([leased.revocations, socket.destroyed], [[], false]);
    });
  });

  it('T20: a peer that cannot be pinned for want of a descriptor is not lost: it is pinned at the next look', async function () {
    needPeerPidFd(this);
    const { leased, socket, admission } = await admit({ terms: { onPeerExit: 'ignore', reverifyMs: 3_600_000 } });
    const stop = injectFaults(({ name, args }) => (name === 'getsockopt' && args[2] === SO_PEERPIDFD ? { errno: EMFILE } : undefined));
    try {
      assert.equal(admission.reverify()?.refused, 'peer-unseen');
    } finally {
      stop();
    }
    assert.deepEqual([admission.reverify(), socket.destroyed, leased.revocations], [undefined, false, []]);
  });

  it('T2, T20: no errno at a call of a look makes another program the same', async () => {
    const { puppet, socket, admission } = await admit({ uid: 0, keys: PROGRAM, terms: { onPeerExit: 'ignore', reverifyMs: 3_600_000 } });
    await puppet.tell('keep');
    await puppet.tell('sibling'); // the memory that was looked at lives on: the exe, its path and the auxiliary vector have to tell
    await puppet.tell(`exec ${other}`);
    const found = new Set<string | undefined>();
    for (const errno of ERRNOS) {
      for (let at = 1, hit = true; hit; at += 1) {
        hit = false;
        const stop = injectFaults(({ count }) => (count === at ? ((hit = true), { errno }) : undefined));
        try {
          found.add(admission.reverify()?.refused);
        } finally {
          stop();
        }
      }
    }
    assert.deepEqual([found.has(undefined), found.has('peer-changed'), socket.destroyed], [false, true, false], [...found].join(', '));
  });

  it('`onExec: ignore` says what was lost, and ends nothing', async () => {
    const { puppet, socket, admission } = await admit({ keys: PROGRAM, terms: { reverifyMs: 3_600_000 } });
    await puppet.tell('keep');
    await puppet.tell(`exec ${other}`);
    assert.deepEqual([admission.reverify()?.refused, socket.destroyed], ['peer-changed', false]);
  });

  it('a uid alone is no program: its process may run another one', async () => {
    const { puppet, socket, admission } = await admit();
    await puppet.tell('keep');
    await puppet.tell(`exec ${other}`);
    assert.deepEqual([admission.reverify(), socket.destroyed], [undefined, false]);
  });

  it('a thousand connections of one process share one descriptor, and end with it', async function () {
    const { uniquePidfdInodes, pidfdInfo } = probeCapabilities();
    requireFeature(this, 'kept', uniquePidfdInodes && pidfdInfo, 'processes are not told apart by their pidfds before Linux 6.13');
    needProgram(this, '/usr/bin/python3');
    leased = await Leased.start(stage);
    const { sockets, revocations } = leased;
    const before = openDescriptors();
    const script = [
      'import os, socket, sys',
      'held = [socket.socket(socket.AF_UNIX) for _ in range(1000)]',
      'for one in held: one.connect(sys.argv[1])',
      'child = os.fork()', // holds them all
      'print("child" if child else "", flush=True) if child else None',
      'input() if child else [one.recv(1) for one in held]',
    ].join('\n');
    const python = stage.start('/usr/bin/python3', ['-c', script, leased.socketPath], { uid: SOMEBODY });
    await python.expect('child');
    await until(() => sockets.length === 1000);
    await passed(50);
    assert.ok(openDescriptors() - before < 1000 + 10, `${String(openDescriptors() - before)} descriptors for 1000 connections`);
    python.child.kill('SIGKILL');
    await until(() => revocations.length === 1000);
    await until(() => sockets.every((socket: Socket) => socket.destroyed));
    await until(() => openDescriptors() - before < 10);
  });
});
