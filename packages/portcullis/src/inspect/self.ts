import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A connection of this process to itself, in a folder that nobody else can enter. */
export interface SelfConnection {
  readonly accepted: Socket;
  close(): void;
}

/** Connects to itself: the one peer that can always be asked what this host answers. */
export async function connectToSelf(): Promise<SelfConnection> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-'));
  const server = createServer({ pauseOnConnect: true });
  try {
    const path = join(folder, 'self.sock');
    await new Promise<void>((resolve, reject) => { server.once('error', reject).listen(path, resolve); });
    const arrival = new Promise<Socket>((resolve) => { server.once('connection', resolve); });
    const client = connect(path);
    client.on('error', () => undefined);
    const accepted = await arrival;
    return { accepted, close: () => { accepted.destroy(); client.destroy(); server.close(); } };
  } catch (error) {
    server.close();
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
