import { normalize } from 'node:path';
import type { ListenSpec } from './gateway-spec.js';
import { formatUpstream, type Upstream } from './upstream.js';

/** Whether what is admitted would come back in: to the socket that it was admitted on. */
export function isOwnUpstream(listen: ListenSpec, upstream: Upstream): boolean {
  if ('host' in listen) return 'host' in upstream && listen.host === upstream.host && listen.port === upstream.port;
  return 'path' in listen && 'path' in upstream && normalize(listen.path) === normalize(upstream.path);
}

/** What two listeners cannot both have, spelled one way. */
export function socketName(listen: ListenSpec): string {
  if ('path' in listen) return `path ${normalize(listen.path)}`;
  if ('host' in listen) return `port ${formatUpstream(listen)}`;
  return 'fd' in listen ? `descriptor ${String(listen.fd)}` : `systemd socket ${listen.systemd}`;
}
