import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Fd, Pid } from '@portcullis/core';
import { probeCapabilities, type Capabilities } from '@portcullis/attestor-linux';
import { NS_GET_USERNS, PIDFD_GET_PID_NAMESPACE } from '../../dist/ffi/constants.js';
import { EACCES, ENOTTY, EPERM, SysFailure } from '../../dist/ffi/errno.js';
import { closeFd } from '../../dist/ffi/file.js';
import { pidfdOpen } from '../../dist/ffi/pidfd.js';
import { isClaimable } from '../../dist/messages/claimable.js';
import { injectFaults } from '../support/faults.js';
import { needAttacks, needUserNamespaces, SOMEBODY } from '../support/features.js';
import { until } from '../support/leased.js';
import { IN_ITS_OWN_NAMESPACES } from '../support/messages.js';

const UNASKED = ['the namespace is not given', PIDFD_GET_PID_NAMESPACE] as const;
const NO_OWNER = ['its owner is not told', NS_GET_USERNS] as const;

describe('messages: a process in whose name others can send (T9, T10)', () => {
  let unshare: ChildProcess;
  let pid: Pid;
  let pidfd: Fd;
  let held = false;
  let capabilities: Capabilities;

  before(async function () {
    needAttacks(this);
    needUserNamespaces(this);
    capabilities = probeCapabilities();
    const [program, ...options] = IN_ITS_OWN_NAMESPACES;
    unshare = spawn(program!, [...options, '/bin/sleep', '600'], { uid: SOMEBODY, gid: SOMEBODY, stdio: 'ignore' });
    const child = (): string => readFileSync(`/proc/${String(unshare.pid)}/task/${String(unshare.pid)}/children`, 'utf8').trim();
    await until(() => child() !== '');
    pid = Number(child()) as Pid;
    const opened = pidfdOpen(pid);
    assert.ok(!(opened instanceof SysFailure));
    pidfd = opened;
    held = true;
  });
  after(() => {
    if (!held) return;
    closeFd(pidfd);
    process.kill(pid, 'SIGKILL');
  });

  /** Whether it is, while an ioctl fails, and with `hidden` the opening of its namespace below /proc too. */
  function claimable(of: number, by: Fd | undefined, ioctl?: number, hidden = false): boolean {
    const stop = injectFaults(({ name, args }) => {
      if (name === 'ioctl' && args[1] === ioctl) return { errno: ioctl === NS_GET_USERNS ? EPERM : ENOTTY };
      return hidden && name === 'openat' && Buffer.from(args[1] as Uint8Array).includes('/ns/pid') ? { errno: EACCES } : undefined;
    });
    try {
      return isClaimable(of, by, capabilities);
    } finally {
      stop();
    }
  }

  it('is one of a pid namespace that a user made, also by /proc alone', () => {
    assert.deepEqual([claimable(pid, pidfd), claimable(pid, undefined), claimable(pid, pidfd, PIDFD_GET_PID_NAMESPACE)], [true, true, true]);
  });

  it('is none of ours, however that is found', () => {
    const own = pidfdOpen(process.pid as Pid) as Fd;
    try {
      const found = [claimable(process.pid, own), claimable(process.pid, undefined), claimable(process.pid, own, PIDFD_GET_PID_NAMESPACE), claimable(process.pid, own, PIDFD_GET_PID_NAMESPACE, true)];
      assert.deepEqual(found, [false, false, false, false]);
    } finally {
      closeFd(own);
    }
  });

  for (const [what, ioctl] of [UNASKED, NO_OWNER]) {
    it(`is one where ${what}, and nothing else tells`, () => { assert.equal(claimable(pid, pidfd, ioctl, true), true); });
  }

  it('is one whose number is another process\'s by now, which is one of ours', () => {
    assert.deepEqual([claimable(process.pid, pidfd, PIDFD_GET_PID_NAMESPACE), claimable(process.pid, pidfd, PIDFD_GET_PID_NAMESPACE, true)], [true, true]);
  });

  it('is one where neither its namespaces nor our own are known: unknown is not the same as unknown (I4)', () => {
    const own = pidfdOpen(process.pid as Pid) as Fd;
    const stop = injectFaults(({ name }) => (name === 'statx' ? { errno: EACCES } : undefined));
    try {
      assert.equal(isClaimable(process.pid, own, { ...capabilities, namespaces: new Map() }), true);
    } finally {
      stop();
      closeFd(own);
    }
  });
});
