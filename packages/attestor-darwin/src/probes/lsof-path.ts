import { unknown, type Finding, type SelectorDefinition } from '@portcullis/core';
import type { Lsof } from '../lsof/lsof.js';
import type { DarwinPeer } from '../peer.js';
import { pathOf } from './exe.js';
import type { Into, Probe } from './probe.js';

const KEY = 'darwin:lsof-path';

const selectors: readonly SelectorDefinition[] = [
  { key: KEY, many: false, trust: 'heuristic', cost: 'remote', program: true, value: { type: 'path' }, summary: "path of the executable by lsof, a second opinion: unknown where it is not the kernel's", example: '/usr/bin/ssh' },
];

/** What lsof says, which looks at the mapped files of the pid and at no token. A disagreement is unknown, never a choice. */
export function lsofPath(lsof: Lsof): Probe {
  return {
    selectors,
    ask(peer: DarwinPeer, _keys, into: Into) {
      return lsof.executable(peer).then((found) => { into.set(KEY, agreed(found, pathOf(peer))); });
    },
  };
}

function agreed(found: Finding, path: ReturnType<typeof pathOf>): Finding {
  if (found.state !== 'present' || path === undefined) return found;
  if (typeof path !== 'string') return path;
  return found.values[0] === path ? found : unknown('foreign-code', 'lsof and the kernel name different executables');
}
