import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A service behind a gateway that remembers whom it saw. */
export class UpstreamServer {
  readonly server: Server;
  readonly sockets: Socket[] = [];
  bytes = 0;
  #handle: (socket: Socket) => void;

  private constructor(handle: (socket: Socket) => void) {
    this.#handle = handle;
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => { this.bytes += bytes.length; });
      this.#handle(socket);
    });
  }

  static async listen(where: string | number, handle: (socket: Socket) => void): Promise<UpstreamServer> {
    const upstream = new UpstreamServer(handle);
    await new Promise<void>((resolve) => {
      if (typeof where === 'string') upstream.server.listen(where, resolve);
      else upstream.server.listen(where, '127.0.0.1', resolve);
    });
    return upstream;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => { this.server.close(() => { resolve(); }); });
  }
}

/** Answers every request with one line of HTTP. */
export function httpHello(socket: Socket): void {
  socket.once('data', () => { socket.end('HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n'); });
}

/** Says everything again. */
export function echo(socket: Socket): void {
  socket.pipe(socket);
}
