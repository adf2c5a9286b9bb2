import { ABSENT, type Finding, type SelectorDefinition, type SelectorKey } from '@portcullis/core';
import { NO_ID } from '../ffi/constants.js';
import type { AuditToken } from '../ffi/layout.js';
import type { DarwinPeer } from '../peer.js';
import { allUnknown, MAX_U32, present, type Into, type Probe } from './probe.js';

const live = { many: false, trust: 'image', cost: 'proc', value: { type: 'uint', max: MAX_U32 } } as const;

const selectors: readonly SelectorDefinition[] = [
  { ...live, key: 'darwin:real-uid', summary: 'real user id of the process now', example: 501 },
  { ...live, key: 'darwin:real-gid', summary: 'real group id of the process now', example: 20 },
  { ...live, key: 'darwin:login-uid', summary: 'audit user id: who logged in, whatever the process became since; absent of a daemon', example: 501 },
  { ...live, key: 'darwin:audit-session', summary: 'audit session of the process', example: 100_003 },
];

/** The fields of LOCAL_PEERTOKEN that LOCAL_PEERCRED has not. */
export const token: Probe = {
  selectors,
  ask(peer: DarwinPeer, keys, into: Into) {
    const pin = peer.held();
    if ('state' in pin) {
      allUnknown(keys, pin, into);
      return undefined;
    }
    for (const key of keys) into.set(key, findingOf(key, pin.fields));
    return undefined;
  },
};

function findingOf(key: SelectorKey, { realUid, realGid, auditUid, auditSession }: AuditToken): Finding {
  if (key === 'darwin:real-uid') return present(realUid);
  if (key === 'darwin:real-gid') return present(realGid);
  if (key === 'darwin:audit-session') return present(auditSession);
  return auditUid === NO_ID ? ABSENT : present(auditUid);
}
