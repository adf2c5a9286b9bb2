import { isIP } from 'node:net';
import { loopbackAddress } from '@portcullis/core';

/** An address and port. Names are not addresses: whoever answers for them would decide where somebody listens. */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

const TCP = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<v4>[0-9.]+)):(?<port>[0-9]{1,5})$/;

/** Reads `127.0.0.1:8080` or `[::1]:8080`; undefined where it is neither. */
export function parseTcpAddress(text: string): TcpAddress | undefined {
  const { v4, v6, port } = TCP.exec(text)?.groups ?? {};
  const host = v6 ?? v4;
  const number = Number(port);
  if (host === undefined || isIP(host) !== (v6 === undefined ? 4 : 6) || number > 65_535) return undefined;
  return { host, port: number };
}

/** Where to listen, or why that is no place to listen, as the end of a sentence. */
export function parseLoopback(text: string): TcpAddress | string {
  const address = parseTcpAddress(text);
  if (address === undefined) return 'must be `127.0.0.1:PORT` or `[::1]:PORT`, with an address and no name';
  const host = loopbackAddress(address.host);
  if (host === undefined) return `must be a loopback address, such as 127.0.0.1 or [::1]: nobody behind \`${address.host}\` can be attested across a network`;
  return { host, port: address.port };
}
