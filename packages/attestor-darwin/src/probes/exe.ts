import { unknown, type SelectorDefinition, type Unknown } from '@portcullis/core';
import { decodePath } from '../decode.js';
import { SysFailure } from '../ffi/errno.js';
import { getPathOfToken } from '../ffi/libproc.js';
import type { Lsof } from '../lsof/lsof.js';
import type { DarwinPeer } from '../peer.js';
import { unknownOf } from '../unknown-of.js';
import { present, undecodable, type Into, type Probe } from './probe.js';

const KEY = 'unix:path';

const selectors: readonly SelectorDefinition[] = [
  { key: KEY, many: false, trust: 'image', cost: 'proc', program: true, value: { type: 'path' }, summary: 'path of the executable, by the kernel; tier `heuristic` where only lsof can tell (before macOS 11)', example: '/usr/bin/ssh' },
];

/** Where the executable is, asked with the token, so that another program or a reused pid has no answer. */
export function exe(lsof: Lsof): Probe {
  return {
    selectors,
    ask(peer: DarwinPeer, _keys, into: Into) {
      const path = pathOf(peer);
      if (path === undefined) return lsof.executable(peer).then((found) => { into.set(KEY, found); });
      into.set(KEY, typeof path === 'string' ? present(path) : path);
      return undefined;
    },
  };
}

/** The path, or why it is unknown; undefined where this system has no call that would say it. */
export function pathOf(peer: DarwinPeer): string | Unknown | undefined {
  const pin = peer.held();
  if ('state' in pin) return pin;
  const bytes = getPathOfToken(peer.libc, pin.token);
  if (!(bytes instanceof SysFailure)) return decodePath(bytes) ?? undecodable(KEY);
  if (bytes.is('ENOSYS')) return undefined;
  // the vnode that runs has no path any more: it was removed or replaced, and cannot be told from hidden
  return bytes.is('ENOENT') ? unknown('not-visible', 'the executable has no path any more') : unknownOf(bytes);
}
