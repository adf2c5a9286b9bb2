import { connect, isIP, type Socket } from 'node:net';
import { parseTcpAddress } from './parse-tcp.js';

/** Where admitted connections are passed on to. */
export type Upstream = { readonly path: string } | { readonly host: string; readonly port: number };

const MOST_PATH_BYTES = 107; // sun_path, less its NUL

/**
 * Reads `unix:/run/app.sock`, `tcp:127.0.0.1:8080` or `tcp:[::1]:8080`; undefined when `text` is none of these. Addresses
 * only: a name would be looked up while an admitted peer waits.
 */
export function parseUpstream(text: string): Upstream | undefined {
  if (text.startsWith('unix:/')) {
    const path = text.slice('unix:'.length);
    return Buffer.byteLength(path) > MOST_PATH_BYTES || path.includes('\0') ? undefined : { path };
  }
  const address = text.startsWith('tcp:') ? parseTcpAddress(text.slice('tcp:'.length)) : undefined;
  return address === undefined || address.port === 0 ? undefined : address;
}

/** The inverse of `parseUpstream`. */
export function formatUpstream(upstream: Upstream): string {
  if ('path' in upstream) return `unix:${upstream.path}`;
  const { host, port } = upstream;
  return `tcp:${isIP(host) === 6 ? `[${host}]` : host}:${String(port)}`;
}

/** Starts to connect. Half-open: what the upstream still sends after our end of stream arrives. */
export function connectUpstream(upstream: Upstream): Socket {
  return 'path' in upstream ? connect({ path: upstream.path, allowHalfOpen: true }) : connect({ ...upstream, allowHalfOpen: true, noDelay: true });
}
