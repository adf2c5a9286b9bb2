import { ABSENT, unknown, type Finding, type SelectorDefinition, type SelectorKey, type Unknown } from '@portcullis/core';
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
    for (const key of keys) into.set(key, findingOf(key, read));
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

function findingOf(key: SelectorKey, { uids, gids, tracerPid, seccomp, noNewPrivs, capabilities: sets }: ProcStatus): Finding {
  switch (key) {
    case 'linux:live-uid':
      return present(uids[1]);
    case 'linux:live-gid':
      return present(gids[1]);
    case 'linux:tracer':
      return tracerPid === 0 ? ABSENT : present(tracerPid);
    case 'linux:seccomp':
      return seccomp === undefined ? notPrinted('Seccomp') : present(seccomp);
    case 'linux:no-new-privs':
      return noNewPrivs === undefined ? notPrinted('NoNewPrivs') : present(noNewPrivs);
    default: {
      const names = sets[key.slice('linux:cap-'.length) as keyof typeof sets];
      if (names === undefined) return notPrinted('CapAmb');
      return names.length === 0 ? ABSENT : { state: 'present', values: names };
    }
  }
}

function notPrinted(line: string): Finding {
  return unknown('kernel-unsupported', `/proc/PID/status has no line \`${line}\``);
}
