import { activatedFd } from './activation.js';
import { PortcullisError } from './errors.js';
import type { Server } from './gate.js';
import type { BindOptions, BoundSocket, ListenPort } from './listener.js';
import { checkTcpTarget, type TcpTarget } from './loopback-address.js';
import type { Fd, Transport } from './peer.js';

/** A listening descriptor, or a socket that systemd passed by name. */
type HandedTarget = { readonly fd: number } | { readonly systemd: string };

/** Where a gate listens: a path that it makes safely, a socket that was handed over, or a loopback port. */
export type ListenTarget = BindOptions | HandedTarget | TcpTarget;

export interface Listening {
  readonly server: Server;
  /** The real path, where the gate made the socket. */
  readonly path: string | undefined;
  /** What the safe listen had to be told to overlook, and whether a stale socket was taken over. */
  readonly bound: BoundSocket | undefined;
}

/**
 * Makes or adopts the socket, and has `server` accept on it. `transport` is what the gate's peer source attests: before
 * another kind of socket every connection would be refused, which is said here instead.
 * @throws PortcullisError `LISTEN_*`
 */
export async function serve(server: Server, where: ListenTarget, port: ListenPort | undefined, transport: Transport = 'unix'): Promise<Listening> {
  if (server.listening) throw new PortcullisError('LISTEN_TARGET', 'this server listens already');
  if (('host' in where) !== (transport === 'tcp')) throw wrongTransport(transport);
  if ('host' in where) return serveTcp(server, checkTcpTarget(where));
  const bound = 'path' in where ? bind(where, port) : undefined;
  try {
    await accepting(server, { fd: bound?.fd ?? adopt(where as HandedTarget, port) });
  } catch (error) {
    bound?.release();
    throw error;
  }
  if (bound !== undefined) answerAddress(server, bound.path);
  return { server, path: bound?.path, bound };
}

function wrongTransport(transport: Transport): PortcullisError {
  const [has, lacks] = transport === 'tcp' ? ['TCP connections: give it `host` and `port`', 'unix'] : ['Unix sockets', 'tcp'];
  return new PortcullisError('LISTEN_TARGET', `this gate attests the peers of ${has}; make one with \`transport: ${lacks}\` for the other kind`, { facts: { transport } });
}

async function serveTcp(server: Server, { host, port, backlog }: TcpTarget): Promise<Listening> {
  const at = `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
  try {
    await accepting(server, { host, port, exclusive: true, ...(backlog !== undefined && { backlog }) });
  } catch (error) {
    const errno = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    if (errno === 'EADDRINUSE') throw new PortcullisError('LISTEN_IN_USE', `a process listens on ${at} already`, { cause: error, facts: { host, port, reason: 'port' } });
    throw new PortcullisError('LISTEN_SYSTEM', `cannot listen on ${at}`, { cause: error, facts: { host, port, errno } });
  }
  return { server, path: undefined, bound: undefined };
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

function adopt(where: HandedTarget, port: ListenPort | undefined): Fd {
  const fd = 'fd' in where ? (where.fd as Fd) : activatedFd(where.systemd);
  port?.adopt(fd);
  return fd;
}

type NodeTarget = { readonly fd: number } | (TcpTarget & { readonly exclusive: true });

async function accepting(server: Server, where: NodeTarget): Promise<void> {
  let failed: ((error: Error) => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', (failed = reject));
      server.listen({ ...where }, resolve);
    });
  } finally {
    if (failed !== undefined) server.off('error', failed);
  }
}

/** Also what is left of the path goes: nobody shall find a socket that nobody serves. */
export function stopListening({ server, bound }: Listening): Promise<void> {
  bound?.release();
  return new Promise((resolve) => { server.close(() => { resolve(); }); });
}
