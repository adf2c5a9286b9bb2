import type { Who } from './job.js';
import type { Module } from './series.js';
import { isSince, type Version } from './version.js';

/** One place where a feature is looked at. */
export interface Place {
  readonly version: Version;
  readonly module: Module;
  readonly who: Who;
}

/** A kernel feature that the attestor uses, as `docs/kernel-features.md` tells of it. */
export interface Feature {
  /** As the page has it. */
  readonly name: string;
  readonly since: string;
  readonly usedFor: string;
  readonly without: string;
  /** What an attacker gains where it is missing. */
  readonly attack: string;
  /** What is looked at in each place; none where nothing can be asked that answers by itself. */
  readonly looks: readonly Look[];
}

/** One thing that a guest says (`guest/look.ts`), and what it must say. */
export interface Look {
  /** The word before the value in the guest's line. */
  readonly what: string;
  /** As the page has it, where a feature has several looks. */
  readonly shown?: string;
  readonly expected: (place: Place) => string;
}

const yesSince = (since: Version) => ({ version }: Place): string => (isSince(version, since) ? 'yes' : 'no');
const always = (value: string) => (): string => value;

/** AppArmor answers for Unix sockets since 6.17; before, our selectors say that the kernel cannot tell (I4). */
const byModule = (apparmor: string, selinux: string) => ({ version, module }: Place): string =>
  module === 'selinux' ? selinux : isSince(version, '6.17') ? apparmor : 'unknown kernel-unsupported';

/** What the tests ask for by name (`requireFeature`): since when a kernel has it, and before which it had it. */
const TEST_FEATURES: readonly { readonly name: string; readonly since?: Version; readonly before?: Version }[] = [
  ...['root', 'userns', 'fuse', 'hidepid', 'cgroup2', 'exe-forgery', 'overlay'].map((name) => ({ name })),
  { name: 'fsverity', since: '5.4' },
  { name: 'cgroup-xattr', since: '5.7' },
  { name: 'user-overlay', since: '5.11' },
  { name: 'peerpidfd', since: '6.5' },
  { name: 'procmap', since: '6.11' },
  { name: 'pidfdinfo', since: '6.13' },
  { name: 'kept', since: '6.13' },
  { name: 'passrights', since: '6.16' },
  { name: 'exec-waits', before: '6.12' }, // 6.12.117 has it from a later series; 6.18.44 has not
  { name: 'exec-waits-links', since: '6.18', before: '7.3' }, // 6.18.44 makes who asks for the links wait too, and none of the others that were tried
];

/** What the tests must not skip on a kernel, as root. */
export function testFeatures(version: Version): readonly string[] {
  return TEST_FEATURES.filter(({ since, before }) => (since === undefined || isSince(version, since)) && (before === undefined || !isSince(version, before))).map(({ name }) => name);
}

const NOTHING = 'nothing';
const SLOWER = 'nothing; it is slower';

export const FEATURES: readonly Feature[] = [
  {
    name: '`SO_PEERCRED`', since: 'always', usedFor: 'uid, gid, pid, frozen at connect',
    without: 'no start: `PLATFORM_PROBE`', attack: NOTHING,
    looks: [{ what: 'SO_PEERCRED', expected: always('yes') }],
  },
  {
    name: '`SO_DOMAIN`, `SO_TYPE`', since: '2.6.32', usedFor: 'refusing TCP, datagram and other sockets (T14)',
    without: 'refused, `no-descriptor`', attack: NOTHING,
    looks: [{ what: 'other-socket', shown: 'how a TCP connection is refused where a Unix one is wanted', expected: always('socket-not-unix') }],
  },
  {
    name: '`SIOCINQ`', since: 'always', usedFor: '`socket:early-data` (T3)', without: 'unknown', attack: NOTHING,
    looks: [{ what: 'early-data', shown: '`socket:early-data` of five bytes that were sent before the look', expected: always('5') }],
  },
  {
    name: '`SO_PEERSEC`', since: '2.6.17; AppArmor answers for Unix sockets upstream in 6.17', usedFor: '`linux:label` and its parts',
    without: 'unknown; absent only if the kernel has no labelling module', attack: 'nothing: unknown does not allow, and a deny on a label denies',
    looks: [
      { what: 'label', shown: 'a peer as the guest started it', expected: byModule('unconfined', 'lab_u:lab_r:lab_boot_t:s0') },
      { what: 'label-confined', shown: 'a peer under the loaded policy', expected: byModule('portcullis-lab (enforce)', 'lab_u:lab_r:lab_peer_t:s0:c0') },
      { what: 'label-name', shown: 'its profile or type', expected: byModule('portcullis-lab', 'lab_peer_t') },
      { what: 'label-enforced', shown: 'what that policy forbids is refused', expected: always('yes') },
      { what: 'label-degree', shown: 'its mode or level', expected: byModule('enforce', 's0:c0') },
    ],
  },
  {
    name: '`SO_PASSSEC` with `SCM_SECURITY`', since: '2.6.18, of SELinux', usedFor: '`linux:label` of a message: that of the socket it was sent from, which is its maker\'s',
    without: 'unknown', attack: 'nothing: unknown does not allow, and a deny on a label denies',
    looks: [{ what: 'SCM_SECURITY', shown: 'a message from under the loaded policy', expected: ({ module }) => (module === 'selinux' ? 'lab_u:lab_r:lab_peer_t:s0:c0' : 'unknown kernel-unsupported') }],
  },
  {
    name: '`SO_PEERGROUPS`', since: '4.13', usedFor: 'supplementary groups, 1024 at most, frozen at connect', without: 'unknown', attack: NOTHING,
    looks: [{ what: 'SO_PEERGROUPS', expected: always('yes') }],
  },
  {
    name: '`pidfd_open`', since: '5.3', usedFor: 'the weaker pin, where there is no `SO_PEERPIDFD`',
    without: 'no pin: a policy that needs more than socket keys refuses, `pin-failed`', attack: NOTHING,
    looks: [{ what: 'pidfd_open', expected: always('yes') }],
  },
  {
    name: '`SO_PEERPIDFD`', since: '6.5', usedFor: 'the strong pin: taken from the connection itself (T1)',
    without: '`pidfd_open` on the credential\'s pid, start time compared before and after, ids compared; the pin says `pidfd-open`',
    attack: 'a pid that the *same user* reused before the accept is taken for the connector. A policy that minds asks for `linux:pin: peer-pidfd`',
    looks: [
      { what: 'SO_PEERPIDFD', shown: 'it answers', expected: yesSince('6.5') },
      { what: 'pin', shown: '`linux:pin`', expected: ({ version }) => (isSince(version, '6.5') ? 'peer-pidfd' : 'pidfd-open') },
    ],
  },
  {
    name: '`SO_PEERPIDFD` of a reaped peer', since: '6.16', usedFor: 'telling a reaped peer from other errors',
    without: 'EINVAL or ESRCH counts as `peer-exited`', attack: NOTHING,
    looks: [{ what: 'SO_PEERPIDFD-reaped', expected: yesSince('6.16') }],
  },
  {
    name: '`SO_PASSPIDFD` with `SCM_PIDFD`', since: '6.5', usedFor: 'the process that sent a message, held (T9)',
    without: 'the sender\'s credentials alone', attack: 'a sender\'s pid that was used again is taken for the sender',
    looks: [{ what: 'SO_PASSPIDFD', expected: yesSince('6.5') }],
  },
  {
    name: '`SO_PASSRIGHTS`', since: '6.16', usedFor: 'having the kernel refuse descriptors that are sent along: their sender is told EPERM (T20)',
    without: 'each that arrives is closed, and the event loop waits where to close it does',
    attack: 'whoever may connect, or send a message, holds up the event loop by a descriptor that is sent along: of a TCP socket that lingers, or of a FUSE whose server says nothing',
    looks: [{ what: 'SO_PASSRIGHTS', expected: yesSince('6.16') }],
  },
  {
    name: 'unique pidfd inodes (pidfs)', since: '6.9', usedFor: 'keeping what is known of a process between its connections; telling the senders on a connection apart (T9)',
    without: 'nothing but digests is kept: each connection costs a full look; senders are told apart by pid and uid',
    attack: 'under `handoff: deny` with `onPeerExit: ignore`, a process with the pid and uid of a connector that exited is taken for it',
    looks: [{ what: 'pidfs', expected: yesSince('6.9') }],
  },
  {
    name: '`PIDFD_GET_PID_NAMESPACE`', since: '6.11', usedFor: 'whether a peer of root or of our user is in our pid namespace: such a one is looked at without a thread, as it could stop us anyway (T20); and by its owner whether others can send in the name of a peer (T9, T10)',
    without: 'its depth in `/proc/PID/status`', attack: NOTHING,
    looks: [{ what: 'PIDFD_GET_PID_NAMESPACE', expected: yesSince('6.11') }],
  },
  {
    name: '`PIDFD_GET_INFO`', since: '6.13', usedFor: 're-checking credentials and cgroup id of a kept process; that `SO_PEERCRED` and `SO_PEERPIDFD` name one process',
    without: 'the same: nothing but digests is kept', attack: SLOWER,
    looks: [{ what: 'PIDFD_GET_INFO', expected: yesSince('6.13') }],
  },
  {
    name: 'the cgroup id in it', since: '6.13', usedFor: 'comparing the folder that `/proc/PID/cgroup` names with the kernel\'s own word (T7), version 2 only',
    without: 'the text of the pinned process and the owners of the folders alone',
    attack: 'nothing that is known: a peer that moves while it is looked at may be taken for the container that it just left or just entered',
    looks: [{ what: 'cgroup-id', shown: 'the id of the group that the guest made for it', expected: yesSince('6.13') }],
  },
  {
    name: 'user attributes on groups of version 2', since: '5.7', usedFor: '`cgroup-xattr:*`', without: 'unknown', attack: NOTHING,
    looks: [{ what: 'cgroup-xattr', shown: '`cgroup-xattr:lab` of a peer in a group with that attribute', expected: always('seen') }],
  },
  {
    name: '`PROCMAP_QUERY`', since: '6.11', usedFor: 'asking for the executable mappings alone (T4)',
    without: 'the text of `/proc/PID/maps` is read', attack: 'nothing: the text tells the same; it is slower',
    looks: [
      { what: 'PROCMAP_QUERY', shown: 'it answers', expected: yesSince('6.11') },
      { what: 'image', shown: '`unix:image` of a static program of root\'s', expected: always('verified') },
    ],
  },
  {
    name: '`PAGEMAP_SCAN`', since: '6.7', usedFor: 'finding code pages that were written over (T4)',
    without: 'the entries of `/proc/PID/pagemap` are read', attack: SLOWER,
    looks: [{ what: 'PAGEMAP_SCAN', expected: yesSince('6.7') }],
  },
  {
    name: '`FS_IOC_MEASURE_VERITY`', since: '5.4, built with CONFIG_FS_VERITY; ext4, f2fs and btrfs', usedFor: '`linux:fsverity-digest` (T17)',
    without: 'unknown; `unix:sha256` reads the whole file', attack: SLOWER,
    looks: [
      { what: 'fsverity', shown: '`linux:fsverity-digest` of a program on ext4, not under fs-verity', expected: always('absent') },
      { what: 'fsverity-digest', shown: 'of one under it, its digest, as computed from the content', expected: always('yes') },
    ],
  },
  {
    name: 'an exec that waits lets others look', since: 'seen in 6.12.117 and 7.3, not in 6.18.44', usedFor: 'looking at a peer that stops in the middle of an exec (T20)',
    without: 'a thread looks, and the event loop waits for it: 200 ms at most, and a second where the thread works or waits for a processor all that time',
    attack: 'a user delays the accepts by 200 ms, or by a second, once in ten seconds, where the policy asks for a key that needs a look at the process',
    looks: [],
  },
  {
    name: '`lsm_list_modules`', since: '6.8', usedFor: 'telling *no labelling module* from *one that does not answer*',
    without: '`/sys/kernel/security/lsm` (4.18); without that too, a label that cannot be had is unknown', attack: NOTHING,
    looks: [
      { what: 'lsm_list_modules', shown: 'it answers', expected: yesSince('6.8') },
      { what: 'labelling-modules', shown: 'the labelling module that is seen', expected: ({ module }) => module },
    ],
  },
  {
    name: 'time namespaces', since: '5.6', usedFor: '`linux:time-ns`', without: 'absent', attack: NOTHING,
    looks: [{ what: 'time-namespaces', expected: yesSince('5.6') }],
  },
  {
    name: 'the line `Seccomp:` of `/proc/PID/status`', since: 'built with CONFIG_SECCOMP', usedFor: '`linux:seccomp`', without: 'unknown', attack: NOTHING,
    looks: [{ what: 'Seccomp', expected: always('yes') }],
  },
  {
    name: 'bind attaches the socket under the folder\'s lock', since: '5.14', usedFor: 'two gateways at one path',
    without: 'the lock file alone keeps gateways apart', attack: 'nothing among gateways; a program that does not take the lock may race', looks: [],
  },
  {
    name: '`NETLINK_SOCK_DIAG` for TCP, `SO_COOKIE`', since: '3.3, 4.12; CONFIG_INET_TCP_DIAG, also as a module', usedFor: 'the user behind a loopback TCP connection',
    without: 'no gate for TCP: `PLATFORM_PROBE`', attack: NOTHING,
    looks: [{ what: 'sock_diag', shown: '`unix:uid` of a TCP peer is its own', expected: always('yes') }],
  },
  {
    name: '`pidfd_getfd`', since: '5.6', usedFor: 'proof that the pinned process holds the client\'s TCP socket', without: 'keys of the process are unknown over TCP', attack: NOTHING,
    looks: [
      { what: 'pidfd_getfd', shown: 'it answers', expected: always('yes') },
      // Who may not look at every process does not know who else holds the socket.
      { what: 'pin-tcp', shown: '`linux:pin` of a TCP peer', expected: ({ who }) => (who === 'root' ? 'socket-holder' : 'unknown permission') },
    ],
  },
  {
    name: '`INET_DIAG_CGROUP_ID`', since: '5.8', usedFor: 'comparing the holder\'s cgroup with the one that the TCP socket was made in, where `PIDFD_GET_INFO` tells the holder\'s',
    without: 'not compared', attack: 'a socket that was handed on to a process of the same user elsewhere is taken for that process\'s own',
    looks: [{ what: 'INET_DIAG_CGROUP_ID', shown: 'the id of the group that a TCP peer made its socket in', expected: always('yes') }],
  },
];
