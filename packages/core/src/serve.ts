import { activatedFd } from './activation.js';
import { PortcullisError } from './errors.js';
import type { Server } from './gate.js';
import type { BindOptions, BoundSocket, ListenPort } from './listener.js';
import type { Fd } from './peer.js';

/** Where a gate listens: a path that it makes safely, a listening descriptor, or a socket that systemd passed by name. */
export type ListenTarget = BindOptions | { readonly fd: number } | { readonly systemd: string };

export interface Listening {
  readonly server: Server;
  /** The real path, where the gate made the socket. */
  readonly path: string | undefined;
  /** What the safe listen had to be told to overlook, and whether a stale socket was taken over. */
  readonly bound: BoundSocket | undefined;
}

/** Makes or adopts the socket, and has `server` accept on it. @throws PortcullisError `LISTEN_*` */
export async function serve(server: Server, where: ListenTarget, port: ListenPort | undefined): Promise<Listening> {
  if (server.listening) throw new PortcullisError('LISTEN_TARGET', 'this server listens already');
  const bound = 'path' in where ? bind(where, port) : undefined;
  try {
    await accepting(server, bound?.fd ?? adopt(where as Exclude<ListenTarget, BindOptions>, port));
  } catch (error) {
    bound?.release();
    throw error;
  }
  if (bound !== undefined) answerAddress(server, bound.path);
  return { server, path: bound?.path, bound };
}

/** As after `server.listen(path)`: a server that listens on a descriptor does not know its path. */
function answerAddress(server: Server, path: string): void {
  const address = server.address.bind(server);
  server.address = () => address() ?? path;
}

function bind(where: BindOptions, port: ListenPort | undefined): BoundSocket {
  if (port !== undefined) return port.bind(where);
  throw new PortcullisError('PLATFORM_UNSUPPORTED', 'this gate has no `listenPort`: it cannot make a socket safely');
}

function adopt(where: Exclude<ListenTarget, BindOptions>, port: ListenPort | undefined): Fd {
  const fd = 'fd' in where ? (where.fd as Fd) : activatedFd(where.systemd);
  port?.adopt(fd);
  return fd;
}

async function accepting(server: Server, fd: Fd): Promise<void> {
  let failed: ((error: Error) => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', (failed = reject));
      server.listen({ fd }, resolve);
    });
  } finally {
    if (failed !== undefined) server.off('error', failed);
  }
}
