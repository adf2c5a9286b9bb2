import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { SelfConnection } from './self.js';

/** Connects to itself over 127.0.0.1. The port is open to everybody for that moment: whoever else comes is let go. */
export async function connectToSelfOverTcp(): Promise<SelfConnection> {
  const server = createServer({ pauseOnConnect: true });
  const sockets: Socket[] = [];
  const close = (): void => { for (const socket of sockets) socket.destroy(); server.close(); };
  try {
    const arrived = new Map<number | undefined, Socket>();
    server.on('connection', (socket) => { sockets.push(socket); arrived.set(socket.remotePort, socket); });
    await new Promise<void>((resolve, reject) => { server.once('error', reject).listen(0, '127.0.0.1', resolve); });
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    sockets.push(client);
    await new Promise<void>((resolve, reject) => { client.once('error', reject).once('connect', resolve); });
    client.on('error', () => undefined);
    for (;;) {
      const accepted = arrived.get(client.localPort);
      if (accepted !== undefined) return { accepted, close };
      await new Promise((resolve) => { server.once('connection', resolve); });
    }
  } catch (error) {
    close();
    throw error;
  }
}
