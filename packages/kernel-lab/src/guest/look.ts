// Looks at the features as the user that runs it, and prints `name value` lines. Argument: the module that labels.
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as passed } from 'node:timers/promises';
import { probeCapabilities, type Capabilities } from '@portcullis/attestor-linux';
import type { Fd, Pid, SelectorKey } from '@portcullis/core';
import { stubPolicy } from '@portcullis/core/testing';
import { SysFailure } from '../../../attestor-linux/dist/ffi/errno.js';
import { closeFd, cPath, openRead } from '../../../attestor-linux/dist/ffi/file.js';
import { PAGEMAP_SCAN } from '../../../attestor-linux/dist/ffi/constants.js';
import { libc } from '../../../attestor-linux/dist/ffi/libc.js';
import { listLabellingModules } from '../../../attestor-linux/dist/ffi/lsm.js';
import { getPidfdInfo, pidNamespaceOf, pidfdGetfd, pidfdOpen } from '../../../attestor-linux/dist/ffi/pidfd.js';
import { getPeerName, getSockName } from '../../../attestor-linux/dist/ffi/sockaddr.js';
import { getPeerPidFd, refuseRights, setPassPidFd } from '../../../attestor-linux/dist/ffi/sockopt.js';
import { findSocket } from '../../../attestor-linux/dist/loopback/inet-diag.js';
import { Attesting, connectionOf, type Look } from '../../../attestor-linux/dist-test/support/attesting.js';
import { compiled } from '../../../attestor-linux/dist-test/support/compile.js';
import type { PeerProcess } from '../../../attestor-linux/dist-test/support/peer-process.js';
import { Receiving } from '../../../attestor-linux/dist-test/support/receiving.js';
import { Stage } from '../../../attestor-linux/dist-test/support/stage.js';
import { TcpStage } from '../../../attestor-linux/dist-test/support/tcp-stage.js';
import { merkleDigest } from '../../../attestor-linux/dist-test/support/verity.js';
import type { Module } from '../series.js';
import { GROUP } from './group.js';
import { CONFINED, FREE } from './labels.js';

/** Put there by `guest/init`, the second one under fs-verity. */
const VERITY_PROGRAM = '/verity/puppet';
const SEALED_PROGRAM = '/verity/sealed';

const say = (name: string, value: string | boolean): void => {
  process.stdout.write(`${name} ${typeof value === 'string' ? value : value ? 'yes' : 'no'}\n`);
};

/** What our selector says: a value, `absent`, or `unknown` with its reason. */
function selectorOf(look: Look, key: SelectorKey): string {
  const state = look.state(key);
  return state === 'present' ? String(look.value(key)) : state;
}

/** What our selectors say where a thread that looks came too late. That is the host's doing, and tells nothing of the kernel. */
const LATE: readonly string[] = ['unknown system-error', 'unknown timeout'];
const MOST_LOOKS = 3;
/** Longer than nobody is looked at whose look was starved (T20). */
const PAUSE_MS = 2000;

async function lookInTime(attesting: Attesting, connection: object, keys: readonly SelectorKey[]): Promise<Look> {
  let look = await attesting.look(connection, keys);
  for (let looks = 1; looks < MOST_LOOKS && keys.some((key) => LATE.includes(look.state(key))); looks += 1) {
    await passed(PAUSE_MS);
    look = await attesting.look(connection, keys);
  }
  return look;
}

function sayCapabilities(found: Capabilities): void {
  say('SO_PEERCRED', true); // the probe throws without
  say('SO_PEERGROUPS', found.peerGroups);
  say('SO_PEERPIDFD', found.peerPidFd);
  say('pidfs', found.uniquePidfdInodes);
  say('PIDFD_GET_INFO', found.pidfdInfo);
  say('PROCMAP_QUERY', found.procmapQuery);
  say('time-namespaces', found.namespaces.has('time'));
  say('labelling-modules', found.labelling?.join(',') ?? 'unknown');
  say('lsm_list_modules', !(listLabellingModules() instanceof SysFailure));
  say('PAGEMAP_SCAN', hasPagemapScan());
  say('Seccomp', /^Seccomp:/m.test(readFileSync('/proc/self/status', 'utf8')));
}

/** Of this very process, which `GROUP` has in it. */
function sayOwnPidfd(): void {
  const pidfd = pidfdOpen(process.pid as Pid);
  say('pidfd_open', !(pidfd instanceof SysFailure));
  say('cgroup-id', !(pidfd instanceof SysFailure) && cgroupIdBy(pidfd) === groupId());
  say('PIDFD_GET_PID_NAMESPACE', !(pidfd instanceof SysFailure) && pidNamespaceOf(pidfd) === statSync('/proc/self/ns/pid', { bigint: true }).ino);
  say('pidfd_getfd', !(pidfd instanceof SysFailure) && isGiven(pidfdGetfd(pidfd, process.stdout.fd)));
  if (!(pidfd instanceof SysFailure)) closeFd(pidfd);
}

/** Whether there is a descriptor, which nobody needs any longer. */
function isGiven(fd: Fd | SysFailure): boolean {
  if (fd instanceof SysFailure) return false;
  closeFd(fd);
  return true;
}

function cgroupIdBy(pidfd: Fd): bigint | undefined {
  const info = getPidfdInfo(pidfd);
  return info instanceof SysFailure ? undefined : info.cgroupId;
}

function groupId(): bigint {
  return statSync(GROUP, { bigint: true }).ino;
}

/** The call itself, on no pages: the package's own falls back without a word. */
function hasPagemapScan(): boolean {
  const pagemap = openRead(cPath('/proc/self/pagemap'), '/proc/self/pagemap');
  if (pagemap instanceof SysFailure) return false;
  const argument = new BigUint64Array(12);
  argument[0] = 96n;
  const answer = libc().ioctl(pagemap, PAGEMAP_SCAN, argument);
  closeFd(pagemap);
  return answer === 0;
}

const KEYS: readonly SelectorKey[] = ['socket:early-data', 'linux:pin', 'unix:image', 'cgroup-xattr:lab', 'linux:label', 'linux:apparmor-profile', 'linux:apparmor-mode', 'linux:selinux-type', 'linux:selinux-level'];

async function sayPeers(stage: Stage, attesting: Attesting, module: Module): Promise<void> {
  const { socket, puppet } = await stage.connectedPuppet();
  await puppet.tell('write');
  const look = await lookInTime(attesting, socket, KEYS);
  say('early-data', selectorOf(look, 'socket:early-data'));
  say('pin', selectorOf(look, 'linux:pin'));
  say('image', selectorOf(look, 'unix:image'));
  say('cgroup-xattr', selectorOf(look, 'cgroup-xattr:lab'));
  say('label', selectorOf(look, 'linux:label'));
  await puppet.kill();
  say('fsverity', await verityOf(stage, attesting, VERITY_PROGRAM));
  say('fsverity-digest', (await verityOf(stage, attesting, SEALED_PROGRAM)) === `sha256:${merkleDigest(readFileSync(SEALED_PROGRAM))}`);
  const { fd } = connectionOf(socket);
  say('SO_PASSPIDFD', fd !== undefined && setPassPidFd(fd) === undefined);
  say('SO_PASSRIGHTS', fd !== undefined && refuseRights(fd) === undefined);
  say('SO_PEERPIDFD-reaped', fd !== undefined && isGiven(getPeerPidFd(fd)));

  const confined = stage.start('/bin/sh', ['-c', 'printf %s "$1" > /proc/self/attr/exec && exec "$2" "$3"', 'sh', CONFINED[module], compiled('puppet'), stage.socketPath]);
  await confined.expect('ready');
  const [other] = await Promise.all([stage.accepted(), confined.tell('connect')]);
  const labelled = await attesting.look(other, KEYS);
  say('label-confined', selectorOf(labelled, 'linux:label'));
  say('label-name', selectorOf(labelled, module === 'apparmor' ? 'linux:apparmor-profile' : 'linux:selinux-type'));
  say('label-enforced', isEnforced(module));
  say('label-degree', selectorOf(labelled, module === 'apparmor' ? 'linux:apparmor-mode' : 'linux:selinux-level'));
  say('SCM_SECURITY', await messageLabel(confined));
}

/** The label of a message, which one that is confined sends. */
async function messageLabel(confined: PeerProcess): Promise<string> {
  const receiving = await Receiving.start(stubPolicy({ keys: ['linux:label'], allow: () => true }));
  try {
    await confined.tell(`datagram ${receiving.path}`);
    await receiving.settled(1);
    const label = receiving.messages[0]?.admission.evidence.get('linux:label');
    return label?.state === 'present' ? String(label.values[0]) : label?.state === 'unknown' ? `unknown ${label.why}` : (label?.state ?? 'refused');
  } finally {
    await receiving.close();
  }
}

/** Whether the loaded policy refuses something: a process under it may not have its next program run free of it. */
function isEnforced(module: Module): boolean {
  const ask = 'printf %s "$1" > /proc/self/attr/exec';
  const { stdout, stderr } = spawnSync('/bin/sh', ['-c', `${ask} && exec /bin/sh -c "$3" sh "$2"`, 'sh', CONFINED[module], FREE[module], `echo confined; ${ask} && echo free`], { encoding: 'utf8', env: { PATH: '/usr/bin:/bin' } });
  if (stdout.startsWith('confined\n')) return stdout === 'confined\n';
  throw new Error(`a process cannot be confined: ${stdout}${stderr}`);
}

/** Of a program on a file system that has fs-verity: `absent` says that the kernel was asked, and knows. */
async function verityOf(stage: Stage, attesting: Attesting, program: string): Promise<string> {
  const { socket } = await stage.connectedPuppet({ program });
  return selectorOf(await attesting.look(socket, ['linux:fsverity-digest']), 'linux:fsverity-digest');
}

/** A TCP peer, as a gate for TCP looks at it; and as one for Unix sockets does, which wants none. */
async function sayLoopbackPeer(unix: Attesting): Promise<void> {
  const stage = await TcpStage.open();
  const attesting = new Attesting({ transport: 'tcp' });
  try {
    const { socket } = await stage.connected();
    const look = await lookInTime(attesting, stage.connection(socket), ['unix:uid', 'linux:pin']);
    say('sock_diag', selectorOf(look, 'unix:uid') === String(process.geteuid?.()));
    say('pin-tcp', selectorOf(look, 'linux:pin'));
    say('INET_DIAG_CGROUP_ID', cgroupIdOf(connectionOf(socket).fd) === groupId());
    say('other-socket', (await unix.look(socket, ['unix:uid'])).refused ?? 'no');
  } finally {
    await attesting.close();
    await stage.close();
  }
}

/** Of the other end of a TCP connection: where it was made. */
function cgroupIdOf(fd: Fd | undefined): bigint | undefined {
  if (fd === undefined) return undefined;
  const [there, here] = [getPeerName(fd), getSockName(fd)];
  if (there instanceof SysFailure || here instanceof SysFailure) return undefined;
  const client = findSocket(there, here);
  return client instanceof SysFailure ? undefined : client.cgroupId;
}

const module = process.argv[2] as Module;
const stage = await Stage.open();
const attesting = new Attesting();
try {
  sayCapabilities(probeCapabilities());
  sayOwnPidfd();
  await sayPeers(stage, attesting, module);
  await sayLoopbackPeer(attesting);
} finally {
  await attesting.close();
  await stage.close();
}
