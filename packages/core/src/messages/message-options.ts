import { PortcullisError } from '../errors.js';
import { checkOptions, type GateOptions } from '../gate-options.js';
import type { BindOptions } from '../listener.js';
import type { MessageLimits, MessagePort, MessageSocketKind } from './message-port.js';

type OfTheGate = Pick<GateOptions, 'policy' | 'attestors' | 'listener' | 'sink' | 'clock' | 'deadlineMs' | 'maxPending' | 'maxPendingPerUid' | 'budget' | 'collect' | 'refreshMs' | 'sharedAttestors'>;

/** Plain values: no container is needed. What a gate has too means the same. */
export interface MessageOptions extends OfTheGate, Partial<MessageLimits> {
  readonly port: MessagePort;
}

/** Where messages come to: a path that is made safely, a descriptor, or a socket that systemd passed by name. */
export type MessageTarget = (BindOptions | { readonly fd: number } | { readonly systemd: string }) & { readonly kind: MessageSocketKind };

/** Messages that wait are kept whole, so fewer of them may than admissions of connections. */
export const MESSAGE_DEFAULTS = Object.freeze({
  maxBytes: 65_536,
  maxPerTurn: 64,
  maxConnections: 1024,
  maxConnectionsPerUid: 256,
  maxPending: 1024,
  maxPendingPerUid: 256,
});

/** A datagram of AF_UNIX cannot be larger than the kernel's largest send buffer by far. */
const MOST_BYTES = 16 * 1024 * 1024;
const MOST_CONNECTIONS = 100_000;

/** @throws PortcullisError `GATE_OPTIONS` naming the option that makes no sense. */
export function settleLimits(options: MessageOptions): MessageLimits {
  checkOptions({ ...options, peerSource: options.port.peerSource });
  return {
    maxBytes: wholeNumber('maxBytes', options.maxBytes, MOST_BYTES),
    maxPerTurn: wholeNumber('maxPerTurn', options.maxPerTurn, MOST_CONNECTIONS),
    maxConnections: wholeNumber('maxConnections', options.maxConnections, MOST_CONNECTIONS),
    maxConnectionsPerUid: wholeNumber('maxConnectionsPerUid', options.maxConnectionsPerUid, MOST_CONNECTIONS),
  };
}

function wholeNumber(name: keyof MessageLimits, given: number | undefined, most: number): number {
  const value = given ?? MESSAGE_DEFAULTS[name];
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
  throw new PortcullisError('GATE_OPTIONS', `\`${name}\` must be a whole number from 1 to ${String(most)}, not ${String(value)}`, { facts: { option: name } });
}
