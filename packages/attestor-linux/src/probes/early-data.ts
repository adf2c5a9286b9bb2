import { unknown, type SelectorDefinition } from '@portcullis/core';
import { SysFailure } from '../ffi/errno.js';
import { getQueuedBytes } from '../ffi/sockopt.js';
import { unknownOf } from '../unknown-of.js';
import { allUnknown, constant, Findings, type Into, type Probe } from './probe.js';

const selectors: readonly SelectorDefinition[] = [
  { key: 'socket:early-data', many: false, trust: 'kernel-live', cost: 'socket', value: { type: 'uint', max: 2_147_483_647 }, summary: 'bytes that were sent before the peer was looked at: by whom is not known', example: 0 },
];

const sizes = new Findings<number>((size) => constant(size));

/** SIOCINQ: what was queued before anybody was attested, perhaps by another program than runs now (T3). */
export const earlyData: Probe = {
  selectors,
  ask(peer, keys, into: Into) {
    const { fd } = peer.connection;
    const size = fd === undefined ? unknown('peer-exited', 'the connection was closed') : getQueuedBytes(fd);
    if (size === 0) peer.sentNothing();
    if (typeof size === 'number') into.set('socket:early-data', sizes.of(size));
    else allUnknown(keys, size instanceof SysFailure ? unknownOf(size) : size, into);
    return undefined;
  },
};
