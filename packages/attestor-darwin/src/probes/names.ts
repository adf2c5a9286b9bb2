import type { SelectorDefinition } from '@portcullis/core';
import type { Names } from '@portcullis/core/platform';
import type { DarwinPeer } from '../peer.js';
import { present, type Into, type Probe } from './probe.js';

const frozen = { many: false, trust: 'kernel-connect', cost: 'socket', principal: true, value: { type: 'name' } } as const;

const selectors: readonly SelectorDefinition[] = [
  { ...frozen, key: 'unix:user', summary: 'name of the user id; `#501` where neither the policy nor /etc/passwd has one', example: 'alice' },
  { ...frozen, key: 'unix:group', summary: 'name of the group id; `#501` where neither the policy nor /etc/group has one', example: 'staff' },
];

/** Names of the frozen ids, from tables that were filled when the policy loaded. */
export function names(table: Names): Probe {
  return {
    selectors,
    ask({ credentials }: DarwinPeer, keys, into: Into) {
      for (const key of keys) {
        const name = key === 'unix:user' ? table.user(credentials.uid) : table.group(credentials.gid);
        into.set(key, typeof name === 'string' ? present(name) : name);
      }
      return undefined;
    },
  };
}
