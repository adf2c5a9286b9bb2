import assert from 'node:assert/strict';
import type { SelectorKey } from '@portcullis/core';
import type { DarwinPeer } from '@portcullis/attestor-darwin';
import type { Libc } from '../../dist/ffi/libc.js';
import { getPeerToken } from '../../dist/ffi/sockopt.js';
import { puppet } from '../support/compile.js';
import { LSOF, needLsof, needStandIn } from '../support/features.js';
import { attest, brief, connectionOf, DarwinAttestor, DarwinPeerSource, opened, Stage, type Puppet } from '../support/stage.js';
import { QUESTION, StandIn } from '../support/standin.js';
import { xucredBytes } from '../structures.js';

const PROCESS_KEYS: SelectorKey[] = ['unix:path', 'unix:sha256', 'darwin:cdhash', 'darwin:real-uid'];

describe('attestor-darwin: what T23 compares', () => {
  let standIn: StandIn;
  let libc: Libc;
  let stage: Stage;
  let attestor: DarwinAttestor;
  let peer: DarwinPeer;
  let client: Puppet;
  before(function () { needStandIn(this); standIn = new StandIn(); libc = standIn.libc; });
  beforeEach(async () => {
    stage = await Stage.open();
    attestor = new DarwinAttestor({ lsof: { path: LSOF } });
  });
  afterEach(async () => {
    standIn.honest();
    stage.close();
    await attestor.close();
  });

  async function open(): Promise<void> {
    const { puppet: made, socket } = await stage.connected();
    client = made;
    peer = opened(new DarwinPeerSource({ libc }).open(connectionOf(socket)));
  }

  /** The token as the kernel gives it, with other numbers in it. */
  function tokenWith(words: Readonly<Record<number, number>>): Uint8Array {
    const token = getPeerToken(libc, peer.connection.fd!);
    assert.ok(token instanceof Uint8Array);
    const view = new DataView(token.buffer);
    for (const [index, word] of Object.entries(words)) view.setUint32(4 * Number(index), word, true);
    return token;
  }

  /** Every key of the process is unknown for this reason, the peer is refused with that code, and the frozen uid stands. */
  async function refusedAs(code: string, why: string): Promise<void> {
    const findings = await attest(attestor, peer, ...PROCESS_KEYS, 'unix:uid');
    for (const key of PROCESS_KEYS) assert.equal(brief(findings.get(key)), `unknown ${why}`, key);
    assert.match(brief(findings.get('unix:uid')), /^present /);
    assert.equal(peer.verify()?.refused, code);
    assert.equal(peer.pin, 'unpinned');
  }

  describe('at the pin', () => {
    beforeEach(open);

    it('refuses a token of another user than the one that connected (T23)', async () => {
      standIn.answer(QUESTION.PEERTOKEN, tokenWith({ 1: 4321 }));
      await refusedAs('peer-changed', 'peer-changed');
    });

    it('refuses a token of another process than the one that used the socket when it was accepted', async () => {
      standIn.answer(QUESTION.PEERTOKEN, tokenWith({ 5: process.pid }));
      await refusedAs('peer-changed', 'peer-changed');
    });

    it('refuses a socket that is used in the name of another process', async () => {
      const other = Buffer.alloc(4);
      other.writeInt32LE(1);
      standIn.answer(QUESTION.PEEREPID, other);
      await refusedAs('peer-changed', 'peer-changed');
    });

    it('refuses a process that runs another executable than the one that first used the socket (T2)', async () => {
      standIn.answer(QUESTION.PEERUUID, Buffer.alloc(16, 0xee));
      await refusedAs('peer-changed', 'peer-changed');
    });

    it('refuses a token whose pid version is not the live process\'s', async () => {
      standIn.answer(QUESTION.PEERTOKEN, tokenWith({ 7: 1 }));
      await refusedAs('peer-changed', 'peer-changed');
    });

    for (const [name, question, length] of [['LOCAL_PEERTOKEN', QUESTION.PEERTOKEN, 32], ['LOCAL_PEEREPID', QUESTION.PEEREPID, 4], ['LOCAL_PEERUUID', QUESTION.PEERUUID, 16], ['proc_pidinfo', QUESTION.PIDINFO, 56]] as const) {
      it(`refuses a ${name} of another length`, async () => {
        for (const other of [0, length - 1, length + 1]) {
          await open();
          standIn.answer(question, Buffer.alloc(other));
          // proc_pidinfo answers 0 for a failure
          if (other > 0 || question !== QUESTION.PIDINFO) await refusedAs('pin-failed', 'system-error');
          standIn.honest();
        }
      });
    }

    for (const [title, question, errno, code, why] of [
      ['the other end was closed', QUESTION.PEERTOKEN, 'ENOTCONN', 'peer-exited', 'peer-exited'],
      ['the last user of the socket is gone', QUESTION.PEERTOKEN, 'EINVAL', 'peer-exited', 'peer-exited'],
      ['this system has no LOCAL_PEERTOKEN', QUESTION.PEERTOKEN, 'EOPNOTSUPP', 'pin-failed', 'system-error'],
      ['it closes before LOCAL_PEERUUID is asked', QUESTION.PEERUUID, 'ENOTCONN', 'peer-exited', 'peer-exited'],
      ['it exits before proc_pidinfo is asked', QUESTION.PIDINFO, 'ESRCH', 'peer-exited', 'peer-exited'],
    ] as const) {
      it(`refuses where ${title}`, async () => {
        standIn.fail(question, errno);
        await refusedAs(code, why);
      });
    }

    it('refuses a peer that exited between accept and pin, its child holding the connection (T9)', async () => {
      await client.last('orphan');
      await refusedAs('peer-exited', 'peer-exited');
    });

    it('refuses a peer that ran another program between accept and pin (T2)', async () => {
      await client.tell(`exec ${puppet('other-puppet')}`);
      await refusedAs('peer-changed', 'peer-changed');
    });
  });

  describe('at the end', () => {
    beforeEach(open);

    it('accepts a process that stayed what it was', async () => {
      await attest(attestor, peer, 'unix:path');
      assert.equal(peer.verify(), undefined);
      assert.equal(peer.verify(), undefined);
    });

    it('refuses a real exec, of another program and of the same (T2)', async () => {
      for (const program of [puppet('other-puppet'), puppet()]) {
        await open();
        await attest(attestor, peer, 'unix:path');
        await client.tell(`exec ${program}`);
        assert.equal(peer.verify()?.refused, 'peer-changed');
      }
    });

    it('refuses a process that exited, and one whose connection was closed', async () => {
      await attest(attestor, peer, 'unix:path');
      await client.last('orphan');
      assert.equal(peer.verify()?.refused, 'peer-exited');
      await open();
      await attest(attestor, peer, 'unix:path');
      await client.tell('close');
      assert.equal(peer.verify()?.refused, 'peer-exited');
    });

    for (const [title, words] of [
      ['another process used the socket in between (T9)', { 5: 1 }],
      ['the pid version moved on (T1, T2)', { 7: 1 }],
      ['the process changed its user in between', { 1: 4321 }],
    ] as const) {
      it(`refuses where ${title}`, async () => {
        await attest(attestor, peer, 'unix:path');
        standIn.answer(QUESTION.PEERTOKEN, tokenWith(words));
        assert.equal(peer.verify()?.refused, 'peer-changed');
      });
    }

    it('refuses a connection that we closed, and answers nothing of it', async () => {
      await attest(attestor, peer, 'unix:path');
      const gone = { ...peer.connection, fd: undefined };
      Object.defineProperty(peer, 'connection', { value: gone });
      assert.equal(peer.verify()?.refused, 'no-descriptor');
    });
  });

  describe('in between', () => {
    beforeEach(open);

    it('has no path and no signature for a token that has moved on: the kernel itself compares', async () => {
      await attest(attestor, peer, 'darwin:real-uid');
      await client.tell(`exec ${puppet('other-puppet')}`);
      const findings = await attest(attestor, peer, 'unix:path', 'unix:sha256', 'darwin:cdhash', 'darwin:signature');
      for (const [key, finding] of findings) assert.equal(brief(finding), 'unknown peer-exited', key);
      assert.equal(peer.verify()?.refused, 'peer-changed');
    });

    it('finds lsof and the kernel of different opinions: then nobody knows', async function () {
      needLsof(this);
      standIn.answer(QUESTION.PIDPATH, Buffer.from('/usr/bin/true'));
      assert.equal(brief((await attest(attestor, peer, 'darwin:lsof-path')).get('darwin:lsof-path')), 'unknown foreign-code');
    });

    for (const [title, lie, said] of [
      ['that is not UTF-8', Buffer.from([0x2f, 0xff]), 'unknown undecodable'],
      ['that is not absolute', Buffer.from('sleep'), 'unknown undecodable'],
      ['with a NUL in it', Buffer.from('/bin/a\0b'), 'unknown undecodable'],
      ['with a line feed in it, which is a path like any other', Buffer.from('/bin/a\nb'), 'present /bin/a\nb'],
    ] as const) {
      it(`reads a path ${title} as ${said.split(' ', 2).join(' ').split('\n')[0] ?? ''}`, async () => {
        standIn.answer(QUESTION.PIDPATH, lie);
        assert.equal(brief((await attest(attestor, peer, 'unix:path')).get('unix:path')), said);
      });
    }

    it('says that an executable without a path cannot be seen', async () => {
      standIn.fail(QUESTION.PIDPATH, 'ENOENT');
      assert.equal(brief((await attest(attestor, peer, 'unix:path')).get('unix:path')), 'unknown not-visible');
      standIn.fail(QUESTION.PIDPATH, 'EACCES');
      assert.equal(brief((await attest(attestor, peer, 'unix:path')).get('unix:path')), 'unknown permission');
    });
  });

  it('compares the uid that connected, whatever the groups are', async () => {
    await open();
    standIn.answer(QUESTION.PEERCRED, xucredBytes({ uid: 4321, groups: [20] }));
    const { socket } = await stage.connected();
    peer = opened(new DarwinPeerSource({ libc }).open(connectionOf(socket)));
    await refusedAs('peer-changed', 'peer-changed');
  });
});
