import { PortcullisError } from './errors.js';

/** A TCP port of a loopback address. `host` is an address, never a name; port 0 is any free one. */
export interface TcpTarget {
  readonly host: string;
  readonly port: number;
  readonly backlog?: number;
}

const LOOPBACK_V4 = /^127(?:\.(?:0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])){3}$/;
const MAPPED = /^::ffff:(?=[0-9.]+$)/i;

/** `host` as it is to be bound, or undefined where it is no loopback address. `::ffff:127.0.0.1` is 127.0.0.1. */
export function loopbackAddress(host: string): string | undefined {
  const address = host.replace(MAPPED, '');
  return address === '::1' || LOOPBACK_V4.test(address) ? address : undefined;
}

/** @throws PortcullisError `LISTEN_NOT_LOOPBACK`, or `LISTEN_OPTIONS` for a port that there cannot be. */
export function checkTcpTarget({ host, port, backlog }: TcpTarget): TcpTarget {
  const address = loopbackAddress(host);
  if (address === undefined) {
    throw new PortcullisError('LISTEN_NOT_LOOPBACK', `\`${host}\` is not a loopback address: nobody can be attested across a network; listen on 127.0.0.1 or [::1], or better on a Unix socket`, { facts: { host } });
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new PortcullisError('LISTEN_OPTIONS', `\`port\` must be a whole number from 0 to 65535, not ${String(port)}`, { facts: { port } });
  }
  return { host: address, port, ...(backlog !== undefined && { backlog }) };
}
