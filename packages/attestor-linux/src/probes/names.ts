import type { SelectorDefinition } from '@portcullis/core';
import type { Names } from '@portcullis/core/platform';
import type { LinuxPeer } from '../peer.js';
import { NO_GID } from './peercred.js';
import { constant, Findings, type Into, type Probe } from './probe.js';

const frozen = { many: false, trust: 'kernel-connect', cost: 'socket', principal: true, value: { type: 'name' } } as const;

const selectors: readonly SelectorDefinition[] = [
  { ...frozen, key: 'unix:user', summary: 'name of the user id; `#1234` where nobody knows one', example: 'alice' },
  { ...frozen, key: 'unix:group', summary: 'name of the group id; `#1234` where nobody knows one', example: 'staff' },
];

const named = new Findings<string>((name) => constant(name));

/** Names of the frozen ids, from tables that were filled when the policy loaded. */
export function names(table: Names): Probe {
  return {
    selectors,
    ask({ credentials }: LinuxPeer, keys, into: Into) {
      for (const key of keys) {
        const { uid, gid } = credentials;
        const name = key === 'unix:user' ? table.user(uid) : gid === undefined ? NO_GID : table.group(gid);
        into.set(key, typeof name === 'string' ? named.of(name) : name);
      }
      return undefined;
    },
  };
}
