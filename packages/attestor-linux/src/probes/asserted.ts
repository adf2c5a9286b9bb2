import { ABSENT, normaliseValues, unknown, type Finding, type SelectorDefinition, type SelectorKey } from '@portcullis/core';
import { ERANGE, SysFailure } from '../ffi/errno.js';
import { whyMainGone } from '../main-thread.js';
import type { LinuxPeer } from '../peer.js';
import { decodeLine } from '../proc/decode.js';
import { parseCmdline } from '../proc/parse-cmdline.js';
import { lookupEnviron } from '../proc/parse-environ.js';
import { readProc } from '../proc/read.js';
import { present, undecodable, type Into, type Probe } from './probe.js';

const said = { trust: 'peer-asserted', cost: 'proc', value: { type: 'text' } } as const;
const ENV = 'env:';
const NEWLINE = 0x0a;

const selectors: readonly SelectorDefinition[] = [
  { ...said, key: 'process:comm', many: false, summary: 'thread name, which the peer may change', example: 'git' },
  { ...said, key: 'process:arg', many: true, sensitive: true, summary: 'arguments after the first, in any order, as the peer says', example: '--serve' },
  { ...said, key: 'env:*', many: false, sensitive: true, summary: 'one variable of the environment that the peer started with, or wrote over', example: 'production' },
];

/** What the peer says of itself. Read only when a policy names it (I10), and never worth more than `peer-asserted`. */
export const asserted: Probe = {
  selectors,
  ask(peer: LinuxPeer, keys, into: Into) {
    const folder = peer.procFolder();
    for (const key of keys) into.set(key, typeof folder === 'string' ? look(peer, folder, key) : folder);
    return undefined;
  },
};

function look(peer: LinuxPeer, folder: string, key: SelectorKey): Finding {
  if (key.startsWith(ENV)) return environ(peer, folder, key.slice(ENV.length));
  return key === 'process:comm' ? comm(peer, folder) : args(peer, folder);
}

function comm(peer: LinuxPeer, folder: string): Finding {
  const bytes = readProc(`${folder}/comm`);
  if (bytes instanceof SysFailure) return peer.unknownOf(bytes);
  const name = bytes.at(-1) === NEWLINE ? decodeLine(bytes) : undefined; // else it was cut short
  return name === undefined ? undecodable(`${folder}/comm`) : name === '' ? ABSENT : present(name);
}

function args(peer: LinuxPeer, folder: string): Finding {
  const bytes = peer.read(`${folder}/cmdline`);
  if ('why' in bytes) return bytes;
  if (bytes instanceof SysFailure) return peer.unknownOf(bytes);
  const all = parseCmdline(bytes);
  if (all === undefined) return undecodable(`${folder}/cmdline`);
  const values = all.slice(1).filter((argument) => argument !== '');
  if (values.length > 0) return { state: 'present', values: normaliseValues(values) };
  return (bytes.length === 0 ? whyMainGone(peer, 'its arguments') : undefined) ?? ABSENT;
}

function environ(peer: LinuxPeer, folder: string, name: string): Finding {
  const bytes = peer.read(`${folder}/environ`);
  if ('why' in bytes) return bytes;
  if (bytes instanceof SysFailure) return bytes.errno === ERANGE ? unknown('limit', bytes.toString()) : peer.unknownOf(bytes);
  const found = lookupEnviron(bytes, name, true);
  return found.state === 'present' && found.values[0] === '' ? ABSENT : found;
}
