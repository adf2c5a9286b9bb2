import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'mocha';
import type { Fd } from '@portcullis/core';
import { requireFeature } from '@portcullis/testkit';
import { closeReceived, parseControl, type ControlMessages } from '../../dist/ffi/cmsg.js';
import { MSG_CMSG_CLOEXEC, MSG_CTRUNC, MSG_DONTWAIT, MSG_TRUNC, SOCK_DGRAM, SOCK_SEQPACKET } from '../../dist/ffi/constants.js';
import { EAGAIN, EBADF, SysFailure } from '../../dist/ffi/errno.js';
import { MessageMemory } from '../../dist/ffi/recvmsg.js';
import { setPassCred, setPassPidFd, setPassSec } from '../../dist/ffi/sockopt.js';
import { parsePidfdInfo } from '../../dist/proc/parse-fdinfo.js';
import { Scratch } from '../listen/scratch.js';
import { openDescriptors } from '../support/descriptors.js';
import { needLinux, needProgram, needRoot, SOMEBODY } from '../support/features.js';
import { Descriptors, sender } from '../support/messages.js';

const FLAGS = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;

describe('recvmsg', () => {
  let scratch: Scratch;
  const descriptors = new Descriptors();
  before(function () { needLinux(this); needProgram(this, '/usr/bin/python3'); });
  beforeEach(() => { scratch = new Scratch(); });
  afterEach(() => { descriptors.close(); scratch.remove(); });

  const passing = (fd: Fd): SysFailure | undefined => setPassCred(fd) ?? setPassPidFd(fd) ?? setPassSec(fd);

  function receiver(ctx: Context, type = SOCK_DGRAM): Fd {
    const [probe] = descriptors.pair(SOCK_DGRAM);
    requireFeature(ctx, 'peerpidfd', setPassPidFd(probe) === undefined, 'SO_PASSPIDFD needs Linux 6.5');
    return descriptors.bound(scratch.at('s'), type, passing);
  }

  function send(body: string, as?: number): number {
    const options = as === undefined ? {} : { uid: as, gid: as };
    const { status, pid, stderr } = spawnSync('/usr/bin/python3', sender(scratch.at('s'), 'SOCK_DGRAM', body), { encoding: 'utf8', ...options });
    assert.equal(status, 0, stderr);
    return pid;
  }

  function received(memory: MessageMemory, fd: Fd): ControlMessages & { readonly size: number; readonly flags: number } {
    const size = memory.receive(fd, FLAGS);
    if (size instanceof SysFailure) assert.fail(size.toString());
    return { ...parseControl(memory.control, memory.controlSize), size, flags: memory.flags };
  }

  it('gives bytes, credentials and pidfd of a sender that is gone already', function () {
    const fd = receiver(this);
    const pid = send('s.send(b"hello")');
    const memory = new MessageMemory(64, 256);
    const got = received(memory, fd);
    assert.equal(Buffer.from(memory.data.subarray(0, got.size)).toString(), 'hello');
    assert.deepEqual(got.credentials, { pid, uid: process.getuid?.(), gid: process.getgid?.() });
    assert.deepEqual([got.rights, got.malformed, got.flags & (MSG_TRUNC | MSG_CTRUNC)], [[], false, 0]);
    // Below 6.16 the kernel has no pidfd for a process that was reaped, and says so.
    if (typeof got.pidfd === 'number') assert.equal(parsePidfdInfo(readFileSync(`/proc/self/fdinfo/${String(got.pidfd)}`))?.state, 'reaped');
    else assert.ok(got.pidfd instanceof SysFailure);
    closeReceived(got);
  });

  it('names another user', function () {
    needRoot(this);
    const fd = descriptors.bound(join(scratch.path, 's'), SOCK_DGRAM, setPassCred);
    spawnSync('/bin/chmod', ['777', scratch.at('s')]);
    send('s.send(b"x")', SOMEBODY);
    const got = received(new MessageMemory(8, 256), fd);
    assert.deepEqual([got.credentials?.uid, got.credentials?.gid], [SOMEBODY, SOMEBODY]);
    closeReceived(got);
  });

  it('gives every descriptor that was sent, 253 at once, close-on-exec, and all can be closed', function () {
    const fd = receiver(this);
    const before = openDescriptors();
    send('s.sendmsg([b"x"], [rights(253)])');
    const got = received(new MessageMemory(8, 2048), fd);
    // The sender has left: below Linux 6.16 there is no pidfd of it any more.
    assert.deepEqual([got.rights.length, got.flags & MSG_CTRUNC, openDescriptors()], [253, 0, before + 253 + (typeof got.pidfd === 'number' ? 1 : 0)]);
    assert.match(readFileSync(`/proc/self/fdinfo/${String(got.rights[252])}`, 'latin1'), /^flags:\t0?[0-7]*2[0-7]{6}$/m); // O_CLOEXEC
    closeReceived(got);
    assert.equal(openDescriptors(), before);
  });

  // Credentials take 32 bytes; then as many descriptors as the room has, and the rest is the kernel's to close.
  for (const room of [0, 16, 32, 40, 48, 52, 56, 64, 100, 1000, 1064]) {
    it(`gives every descriptor that it installed into control memory of ${String(room)} bytes, and MSG_CTRUNC`, function () {
      const fd = receiver(this);
      const before = openDescriptors();
      send('s.sendmsg([b"x"], [rights(253)])');
      const got = received(new MessageMemory(8, room), fd);
      assert.equal(got.flags & MSG_CTRUNC, MSG_CTRUNC);
      assert.equal(openDescriptors(), before + got.rights.length + (typeof got.pidfd === 'number' ? 1 : 0));
      closeReceived(got);
      assert.equal(openDescriptors(), before);
    });
  }

  it('cuts a message that is longer than its memory, and says so', function () {
    const fd = receiver(this);
    send('s.send(b"123456789")\ns.send(b"next")');
    const memory = new MessageMemory(4, 256);
    const cut = received(memory, fd);
    assert.deepEqual([cut.size, cut.flags & MSG_TRUNC], [4, MSG_TRUNC]);
    const next = received(memory, fd);
    assert.equal(Buffer.from(memory.data).toString(), 'next');
    closeReceived(cut);
    closeReceived(next);
  });

  it('answers with the errno where there is nothing to receive, and where there is no socket', () => {
    const memory = new MessageMemory(8, 8);
    const [one] = descriptors.pair(SOCK_SEQPACKET);
    const nothing = memory.receive(one, FLAGS);
    assert.ok(nothing instanceof SysFailure);
    assert.equal(nothing.errno, EAGAIN);
    const missing = memory.receive(1 << 20 as Fd, FLAGS);
    assert.ok(missing instanceof SysFailure);
    assert.equal(missing.errno, EBADF);
  });
});
