import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { linuxConnectPort, openPid, type LinuxPeer } from '@portcullis/attestor-linux';
import { isRefusal, type Fd, type Pid } from '@portcullis/core';
import { fakePeerSource } from '@portcullis/core/testing';
import { closeReceived, parseControl } from '../../dist/ffi/cmsg.js';
import { MSG_CMSG_CLOEXEC, MSG_DONTWAIT, SOCK_STREAM } from '../../dist/ffi/constants.js';
import { SysFailure } from '../../dist/ffi/errno.js';
import { MessageMemory } from '../../dist/ffi/recvmsg.js';
import { parsePidfdInfo } from '../../dist/proc/parse-fdinfo.js';
import { openDescriptors } from '../support/descriptors.js';
import { needLinux } from '../support/features.js';
import { Descriptors } from '../support/messages.js';

describe('a peer that is handed on to a service', () => {
  const descriptors = new Descriptors();
  let child: ChildProcess;
  let peer: LinuxPeer;
  let sendPeer: NonNullable<ReturnType<typeof linuxConnectPort>['sendPeer']>;
  before(function () {
    needLinux(this);
    const port = linuxConnectPort();
    assert.ok(port.sendPeer !== undefined);
    sendPeer = port.sendPeer.bind(port);
  });
  beforeEach(() => {
    child = spawn('/bin/sleep', ['600'], { stdio: 'ignore' });
    const opened = openPid(child.pid as Pid);
    assert.ok(!isRefusal(opened));
    peer = opened;
  });
  afterEach(async () => {
    peer.close();
    descriptors.close();
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  it('is a pidfd of the very process, beside the first byte, and a duplicate of ours', () => {
    const [ours, theirs] = descriptors.pair(SOCK_STREAM);
    assert.equal(sendPeer(ours, Buffer.from('hello'), peer), 5);
    const memory = new MessageMemory(64, 64);
    assert.equal(memory.receive(theirs, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), 5);
    const received = parseControl(memory.control, memory.controlSize);
    try {
      assert.deepEqual([Buffer.from(memory.data.subarray(0, 5)).toString(), received.rights.length, received.malformed], ['hello', 1, false]);
      assert.notEqual(received.rights[0], peer.pidfd());
      assert.deepEqual(parsePidfdInfo(readFileSync(`/proc/self/fdinfo/${String(received.rights[0])}`)), { state: 'pinned', pid: child.pid });
    } finally {
      closeReceived(received);
    }
  });

  it('is sent with the first of many bytes, and the number says how many went', () => {
    const [ours, theirs] = descriptors.pair(SOCK_STREAM);
    assert.equal(sendPeer(ours, Buffer.alloc(10_000, 'x'), peer), 4096);
    const memory = new MessageMemory(64, 64);
    memory.receive(theirs, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const received = parseControl(memory.control, memory.controlSize);
    assert.equal(received.rights.length, 1);
    closeReceived(received);
  });

  it('is not sent, and no byte either, where the service does not read, the connection is gone, or the peer is no process that is held', () => {
    const [ours, theirs] = descriptors.pair(SOCK_STREAM);
    const fake = fakePeerSource().open({ fd: undefined, origin: undefined });
    assert.ok(!isRefusal(fake));
    assert.equal(sendPeer(ours, Buffer.from('hello'), fake), undefined);
    assert.ok(new MessageMemory(64, 64).receive(theirs, MSG_DONTWAIT) instanceof SysFailure);
    while (sendPeer(ours, Buffer.alloc(4096), peer) !== undefined) { /* until it is full */ }
    descriptors.closeOne(theirs);
    assert.equal(sendPeer(ours, Buffer.from('hello'), peer), undefined); // EPIPE, and no signal
    assert.equal(sendPeer(-1 as Fd, Buffer.from('hello'), peer), undefined);
  });

  it('says nothing of the other way: a stream of ours keeps no descriptor that a service sends', async () => {
    const [theirs, mine] = descriptors.pair(SOCK_STREAM);
    descriptors.forget(mine);
    const stream = new Socket({ fd: mine });
    try {
      const before = openDescriptors();
      for (let times = 0; times < 20; times += 1) {
        const came = once(stream, 'data');
        assert.equal(sendPeer(theirs, Buffer.from('take it'), peer), 7);
        await came;
      }
      assert.equal(openDescriptors(), before);
    } finally {
      stream.destroy();
    }
  });
});
