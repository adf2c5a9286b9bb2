import { ABSENT, normaliseValues, unknown, type Finding, type SelectorDefinition, type SelectorKey, type Unknown } from '@portcullis/core';
import { inFirstPidNamespace, type Capabilities } from '../capabilities.js';
import { SysFailure } from '../ffi/errno.js';
import type { LinuxPeer } from '../peer.js';
import { MAX_U32 } from '../proc/decode.js';
import { parseStatus, type ProcStatus } from '../proc/parse-status.js';
import { readProc } from '../proc/read.js';
import { allUnknown, present, undecodable, type Into, type Probe } from './probe.js';

const live = { many: false, trust: 'kernel-live', cost: 'proc' } as const;
const capabilities = { ...live, many: true, value: { type: 'text' } } as const;

const selectors: readonly SelectorDefinition[] = [
  { ...live, key: 'linux:live-uid', principal: true, value: { type: 'uint', max: MAX_U32 }, summary: 'effective user id now', example: 1000 },
  { ...live, key: 'linux:live-gid', principal: true, value: { type: 'uint', max: MAX_U32 }, summary: 'effective group id now', example: 1000 },
  { ...live, key: 'linux:tracer', value: { type: 'uint', max: MAX_U32 }, summary: 'process id of the tracer; a traced process speaks for its tracer', example: 812 },
  { ...live, key: 'linux:seccomp', value: { type: 'enum', values: ['disabled', 'strict', 'filter'] }, summary: 'seccomp mode', example: 'filter' },
  { ...live, key: 'linux:no-new-privs', value: { type: 'boolean' }, summary: 'whether no_new_privs is set', example: true },
  { ...capabilities, key: 'linux:cap-effective', summary: 'effective capabilities', example: 'cap_net_admin' },
  { ...capabilities, key: 'linux:cap-permitted', summary: 'permitted capabilities', example: 'cap_net_admin' },
  { ...capabilities, key: 'linux:cap-inheritable', summary: 'inheritable capabilities', example: 'cap_net_admin' },
  { ...capabilities, key: 'linux:cap-bounding', summary: 'capability bounding set', example: 'cap_net_admin' },
  { ...capabilities, key: 'linux:cap-ambient', summary: 'ambient capabilities', example: 'cap_net_admin' },
];

/** `/proc/PID/status`, readable of every process that can be seen at all. */
export const status: Probe = {
  selectors,
  ask(peer: LinuxPeer, keys, into: Into) {
    const read = look(peer);
    if ('state' in read) {
      allUnknown(keys, read, into);
      return undefined;
    }
    for (const key of keys) into.set(key, findingOf(key, read, peer.capabilities));
    return undefined;
  },
};

function look(peer: LinuxPeer): ProcStatus | Unknown {
  const folder = peer.procFolder();
  if (typeof folder !== 'string') return folder;
  const bytes = readProc(`${folder}/status`);
  if (bytes instanceof SysFailure) return peer.unknownOf(bytes);
  return parseStatus(bytes) ?? undecodable(`${folder}/status`);
}

function findingOf(key: SelectorKey, { uids, gids, tracerPid, seccomp, noNewPrivs, capabilities: sets }: ProcStatus, host: Capabilities): Finding {
  switch (key) {
    case 'linux:live-uid':
      return liveId(uids[1], host.overflowUid, host);
    case 'linux:live-gid':
      return liveId(gids[1], host.overflowGid, host);
    case 'linux:tracer':
      if (tracerPid !== 0) return present(tracerPid);
      // A tracer outside our pid namespace is shown as 0 too (T13).
      return inFirstPidNamespace(host) ? ABSENT : unknown('not-visible', 'a tracer outside our pid namespace would not be shown');
    case 'linux:seccomp':
      return seccomp === undefined ? notPrinted('Seccomp') : present(seccomp);
    case 'linux:no-new-privs':
      return noNewPrivs === undefined ? notPrinted('NoNewPrivs') : present(noNewPrivs);
    default: {
      const names = sets[key.slice('linux:cap-'.length) as keyof typeof sets];
      if (names === undefined) return notPrinted('CapAmb');
      return names.length === 0 ? ABSENT : { state: 'present', values: normaliseValues(names) };
    }
  }
}

function liveId(id: number, overflow: number, { fullIdMaps }: Capabilities): Finding {
  return !fullIdMaps && id === overflow ? unknown('not-visible', 'the id is outside our map') : present(id);
}

function notPrinted(line: string): Finding {
  return unknown('kernel-unsupported', `/proc/PID/status has no line \`${line}\``);
}
