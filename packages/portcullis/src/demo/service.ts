import { createServer, type Server } from 'node:http';
import { once } from 'node:events';

/** What the service says to whoever gets through to it. */
export const GREETING = 'hello from the service';

/** The service behind the gate: it knows nothing of gates, and counts who gets through to it. */
export class Service {
  connections = 0;
  /** Requests by name: `/name` was asked for. */
  readonly requests = new Map<string, number>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const name = (request.url ?? '/').slice(1, 64);
      this.requests.set(name, this.seen(name) + 1);
      response.setHeader('content-type', 'text/plain');
      response.end(`${GREETING}\n`);
    });
    this.#server.on('connection', () => { this.connections += 1; });
  }

  static async start(path: string): Promise<Service> {
    const service = new Service();
    service.#server.listen(path);
    await once(service.#server, 'listening');
    return service;
  }

  seen(name: string): number {
    return this.requests.get(name) ?? 0;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
