import { readdirSync } from 'node:fs';
import { ABSENT, normaliseValues, unknown, type Finding, type SelectorDefinition, type SelectorKey, type Unknown } from '@portcullis/core';
import { inFirstPidNamespace, type Capabilities } from '../capabilities.js';
import { ENOENT, ESRCH, SysFailure } from '../ffi/errno.js';
import type { LinuxPeer } from '../peer.js';
import { asBuffer, MAX_U32 } from '../proc/decode.js';
import { joinThreads, type JoinedStatus } from '../proc/join-threads.js';
import { parseStatus, type ProcStatus } from '../proc/parse-status.js';
import { readProc } from '../proc/read.js';
import { unknownOf } from '../unknown-of.js';
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

/** `/proc/PID/status`, readable of every process that can be seen at all, and of its other threads, which may differ. */
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

/** A process with more threads is not looked at one by one, nor are they listed, which takes long where they are many (T20). */
const MOST_THREADS = 128;
/** Of all its threads together. In 65,536 groups, each text is one of hundreds of kilobytes, and takes the kernel 20 ms and more. */
const MOST_TEXT = 1 << 19;

function look(peer: LinuxPeer): JoinedStatus | Unknown {
  const folder = peer.procFolder();
  if (typeof folder !== 'string') return folder;
  const bytes = readProc(`${folder}/status`);
  if (bytes instanceof SysFailure) return peer.unknownOf(bytes);
  const main = parseStatus(bytes);
  if (main === undefined) return undecodable(`${folder}/status`);
  if (main.threads === 1) return joinThreads([main]);
  if (main.groups === 'too-many') return TEXTS_TOO_LONG;
  const others = readOthers(`${folder}/task`, main, ownLines(bytes));
  return 'why' in others ? others : joinThreads([main, ...others]);
}

const TOO_MANY_THREADS: Unknown = Object.freeze(unknown('limit', `more than ${String(MOST_THREADS)} threads`));
const TEXTS_TOO_LONG: Unknown = Object.freeze(unknown('limit', 'what /proc says of its threads is too long, as with thousands of groups'));

/** The lines that may differ between threads and are asked for, as they stand; nearly all threads have the same. Undefined: not found. */
function ownLines(bytes: Uint8Array): string | undefined {
  const text = asBuffer(bytes);
  // The last of its name: the first line is the thread's own word.
  const [ids, capabilities] = [text.lastIndexOf('\nTracerPid:'), text.lastIndexOf('\nCapInh:')];
  const [idsEnd, end] = [text.indexOf('\nFDSize:', Math.max(ids, 0)), text.indexOf('\nCpus_allowed:', Math.max(capabilities, 0))];
  if (ids < 0 || capabilities < 0 || idsEnd < 0 || end < 0) return undefined;
  return text.toString('latin1', ids, idsEnd) + text.toString('latin1', capabilities, end);
}

/** Times that the threads are listed, and how often in a row nothing may be missing in the list. */
const MOST_ROUNDS = 16;
const WHOLE_ROUNDS = 3;

/**
 * The threads that are not as the main one is, whose lines are `alike`. A list of them is not of one moment: it ends, without a word,
 * at a thread that exits just then (proc_task_readdir in fs/proc/base.c), and who was made meanwhile is in none. So it counts where it has
 * as many as the process, and all of them were read; several times in a row, since a thread that hops could be lucky once.
 * What a thread makes that was read is like it.
 */
function readOthers(folder: string, main: ProcStatus, alike: string | undefined): readonly ProcStatus[] | Unknown {
  const found: ProcStatus[] = [];
  const seen = new Set([String(main.pid)]);
  let left = MOST_TEXT;
  for (let round = 0, whole = 0, count = main.threads; round < MOST_ROUNDS; round += 1) {
    if (count > MOST_THREADS) return TOO_MANY_THREADS;
    const threads = list(folder);
    if (threads === undefined) return unknown('system-error', `${folder} cannot be listed`);
    if (threads.length > MOST_THREADS) return TOO_MANY_THREADS;
    let missing = false;
    for (const thread of threads) {
      if (seen.has(thread)) continue;
      const path = `${folder}/${thread}/status`;
      const bytes = readProc(path);
      if (bytes instanceof SysFailure) {
        if (bytes.errno !== ENOENT && bytes.errno !== ESRCH) return unknownOf(bytes);
        missing = true;
        continue;
      }
      if ((left -= bytes.byteLength) < 0) return TEXTS_TOO_LONG;
      seen.add(thread);
      if (alike !== undefined && ownLines(bytes) === alike) continue;
      const status = parseStatus(bytes);
      if (status === undefined) return undecodable(path);
      found.push(status);
    }
    const path = `${folder}/${String(main.pid)}/status`;
    const now = readProc(path);
    if (now instanceof SysFailure) return unknownOf(now);
    if ((left -= now.byteLength) < 0) return TEXTS_TOO_LONG;
    const parsed = parseStatus(now);
    if (parsed === undefined) return undecodable(path);
    count = parsed.threads;
    whole = missing || count !== threads.length ? 0 : whole + 1;
    if (whole === WHOLE_ROUNDS) return found;
  }
  return unknown('limit', 'its threads come and go faster than they can be looked at');
}

function list(folder: string): readonly string[] | undefined {
  try {
    return readdirSync(folder);
  } catch {
    return undefined;
  }
}

function findingOf(key: SelectorKey, { uids, gids, tracerPid, seccomp, noNewPrivs, capabilities: sets }: JoinedStatus, host: Capabilities): Finding {
  switch (key) {
    case 'linux:live-uid':
      return liveId(uids, host.overflowUid, host);
    case 'linux:live-gid':
      return liveId(gids, host.overflowGid, host);
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

function liveId([id, ...others]: readonly number[], overflow: number, { fullIdMaps }: Capabilities): Finding {
  if (id === undefined || others.length > 0) return unknown('undecodable', 'its threads have several');
  return !fullIdMaps && id === overflow ? unknown('not-visible', 'the id is outside our map') : present(id);
}

function notPrinted(line: string): Finding {
  return unknown('kernel-unsupported', `/proc/PID/status has no line \`${line}\``);
}
