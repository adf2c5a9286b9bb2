import type { SelectorDefinition } from '@portcullis/core';
import type { LinuxPeer } from '../peer.js';
import { constant, Findings, type Into, type Probe } from './probe.js';

const selectors: readonly SelectorDefinition[] = [
  { key: 'linux:pin', many: false, trust: 'kernel-connect', cost: 'proc', value: { type: 'enum', values: ['peer-pidfd', 'pidfd-open', 'socket-holder'] }, summary: 'how firmly the process is held: `pidfd-open` is the weaker way of kernels below 6.5, `socket-holder` that of loopback TCP', example: 'peer-pidfd' },
];

const pins = new Findings<string>((strength) => constant(strength));

/** The strength of the pin, for policies that want the strong one. */
export const pin: Probe = {
  selectors,
  ask(peer: LinuxPeer, _keys, into: Into) {
    const pidfd = peer.pidfd();
    into.set('linux:pin', typeof pidfd === 'number' ? pins.of(peer.pin) : pidfd);
    return undefined;
  },
};
