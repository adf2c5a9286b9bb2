import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer as createHttpServer, get, type IncomingMessage } from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { LinuxAttestor, LinuxHandoffPort, LinuxPeerSource } from '@portcullis/attestor-linux';
import type { Attestor, GateOptions } from '@portcullis/core';
import { fakeDefinition, findingsOf, hasValue, stubPolicy } from '@portcullis/core/testing';
import { Harness, needLinux, until } from './support/harness.js';

/** Answers a few turns later: admissions are no longer of the turn of the accept. */
const late: Attestor = {
  name: 'late',
  selectors: [fakeDefinition('test:late')],
  attest: async () => {
    for (let i = 0; i < 3; i += 1) await turn();
    return findingsOf({ 'test:late': 1 });
  },
};

/** How a server is put into the world. */
type Listen = (server: Server, path: string) => Promise<void>;

describe('a server behind a gate is as it is in plain Node', function () {
  let harness: Harness;
  let servers: Server[];
  let accepted: Socket[];
  let paths: number;
  before(function () { needLinux(this); });
  beforeEach(() => {
    harness = new Harness();
    servers = [];
    accepted = [];
    paths = 0;
  });
  afterEach(async () => {
    for (const server of servers) server.close();
    for (const socket of accepted) socket.destroy();
    await harness.close();
  });

  const mine = (rest: Partial<GateOptions> = {}): Partial<GateOptions> => ({
    peerSource: new LinuxPeerSource({ self: 'allow' }),
    policy: stubPolicy({ keys: ['unix:uid'], allow: (evidence) => hasValue(evidence, 'unix:uid', (uid) => uid === process.getuid?.()) }),
    ...rest,
  });
  const plain: Listen = async (server, path) => {
    server.listen(path);
    await once(server, 'listening');
  };
  const gated: Listen = async (server, path) => {
    await (await harness.gate(mine())).listen(server, { path });
  };
  const gatedLate: Listen = async (server, path) => {
    const policy = stubPolicy({ keys: ['unix:uid', 'test:late'], allow: (evidence) => hasValue(evidence, 'unix:uid', (uid) => uid === process.getuid?.()) });
    await (await harness.gate(mine({ policy, attestors: [new LinuxAttestor(), late] }))).listen(server, { path });
  };

  const gatedReading: Listen = async (server, path) => {
    const policy = stubPolicy({
      keys: ['unix:uid'], terms: { onPeerExit: 'revoke', onExec: 'ignore', handoff: 'deny' },
      allow: (evidence) => hasValue(evidence, 'unix:uid', (uid) => uid === process.getuid?.()),
    });
    await (await harness.gate(mine({ policy, handoffPort: new LinuxHandoffPort() }))).listen(server, { path });
  };

  /** Runs one experiment plainly, behind a gate, behind one whose answers are late, and behind one that reads itself: the outcome is the expected one each time. */
  function same<T>(what: string, expected: T, experiment: (listen: (server: Server) => Promise<string>) => Promise<T>): void {
    for (const [how, listen] of [['plain Node', plain], ['the gate', gated], ['the gate, with late answers', gatedLate], ['the gate, with `handoff: deny`', gatedReading]] as const) {
      it(`${what} (${how})`, async () => {
        const outcome = await experiment(async (server) => {
          servers.push(server);
          server.on('connection', (socket: Socket) => { accepted.push(socket); });
          const path = join(harness.folder, `s${String((paths += 1))}`);
          await listen(server, path);
          return path;
        });
        assert.deepEqual(outcome, expected);
      });
    }
  }

  same('the stream waits for its first consumer', { flowing: null, paused: false, readable: true, destroyed: false }, async (listen) => {
    let state: object | undefined;
    const path = await listen(createServer((socket) => {
      state = { flowing: socket.readableFlowing, paused: socket.isPaused(), readable: socket.readable, destroyed: socket.destroyed };
      socket.destroy();
    }));
    await once(connect(path).on('error', () => undefined), 'close');
    return state;
  });

  same('a handler that listens only later loses nothing', 'one two|end', async (listen) => {
    const heard = new Promise<string>((resolve) => {
      void listen(createServer((socket) => {
        void (async () => {
          await sleep(20);
          let all = '';
          socket.on('data', (bytes) => { all += bytes.toString(); }).on('end', () => { resolve(`${all}|end`); });
        })();
      })).then((path) => {
        const client = connect(path);
        client.write('one ');
        client.end('two');
      });
    });
    return heard;
  });

  same('bytes and the end that came before anybody looked are kept', 'all of it', async (listen) => {
    const heard = new Promise<string>((resolve) => {
      void listen(createServer((socket) => { void text(socket).then(resolve); })).then((path) => { connect(path).end('all of it'); });
    });
    return heard;
  });

  same('what is longer than a socket\'s buffer comes whole', 3_000_000, async (listen) => {
    const heard = new Promise<number>((resolve) => {
      void listen(createServer((socket) => { void sleep(20).then(() => text(socket)).then((all) => { resolve(all.length); }); }))
        .then((path) => { connect(path).end('x'.repeat(3_000_000)); });
    });
    return heard;
  });

  same('`pauseOnConnect` leaves the socket paused until the application resumes it', { flowing: false, read: 0, heard: 'hello' }, async (listen) => {
    const [server, arrived] = collecting(createServer({ pauseOnConnect: true }));
    const path = await listen(server);
    connect(path).end('hello');
    await until(() => arrived.length === 1);
    const socket = arrived[0]!;
    for (let i = 0; i < 5; i += 1) await turn();
    const before = { flowing: socket.readableFlowing, read: socket.bytesRead };
    socket.resume();
    return { ...before, heard: await text(socket) };
  });

  same('`allowHalfOpen` lets the server answer after the client\'s end', 'after your end', async (listen) => {
    const path = await listen(createServer({ allowHalfOpen: true }, (socket) => {
      socket.resume().on('end', () => { setImmediate(() => { socket.end('after your end'); }); });
    }));
    const client = connect(path);
    client.end('bye');
    return text(client);
  });

  same('without `allowHalfOpen` the client\'s end ends the server\'s half', { writableEnded: true }, async (listen) => {
    const [server, arrived] = collecting(createServer());
    const path = await listen(server);
    connect(path).end('bye');
    await until(() => arrived.length === 1);
    await once(arrived[0]!.resume(), 'end');
    await turn();
    return { writableEnded: arrived[0]!.writableEnded };
  });

  same('`address()` is the path', true, async (listen) => {
    const server = createServer();
    const path = await listen(server);
    return server.address() === path;
  });

  same('`getConnections` counts the open ones', [2, 1], async (listen) => {
    const [server, arrived] = collecting(createServer((socket) => socket.resume()));
    const path = await listen(server);
    const clients = [connect(path), connect(path)];
    await until(() => arrived.length === 2);
    const count = (): Promise<number> => new Promise((resolve) => { server.getConnections((_, n) => { resolve(n); }); });
    const before = await count();
    clients[0]!.destroy();
    await until(() => arrived.some(({ destroyed }) => destroyed));
    await turn();
    return [before, await count()];
  });

  same('`close()` waits for the open connections', ['closed'], async (listen) => {
    const [server, arrived] = collecting(createServer());
    const path = await listen(server);
    const client = connect(path);
    await until(() => arrived.length === 1);
    const events: string[] = [];
    const closed = new Promise<void>((resolve) => { server.close(() => { events.push('closed'); resolve(); }); });
    for (let i = 0; i < 5; i += 1) await turn();
    assert.deepEqual(events, []);
    client.destroy();
    arrived[0]!.resume();
    await closed;
    return events;
  });

  same('http closes idle kept connections when it closes', 'closed', async (listen) => {
    const server = createHttpServer((_, response) => { response.end('ok'); });
    const path = await listen(server);
    const agent = new Agent({ keepAlive: true });
    const response = await fetchOnce(path, agent);
    await text(response);
    return new Promise((resolve) => { server.close(() => { resolve('closed'); }); });
  });

  same('http ends a connection that is kept longer than `keepAliveTimeout`', 'closed', async (listen) => {
    const server = createHttpServer({ keepAliveTimeout: 20 }, (_, response) => { response.end('ok'); });
    const path = await listen(server);
    const agent = new Agent({ keepAlive: true });
    const response = await fetchOnce(path, agent);
    const socket = response.socket;
    await text(response);
    await once(socket, 'close');
    return 'closed';
  });

  same('http enforces `headersTimeout`', 'HTTP/1.1 408', async (listen) => {
    const server = createHttpServer({ headersTimeout: 30, requestTimeout: 60_000, connectionsCheckingInterval: 10 });
    const path = await listen(server);
    const client = connect(path);
    client.write('GET / HTTP/1.1\r\nHost: x\r\n');
    return (await text(client)).slice(0, 12);
  });

  same('http enforces `headersTimeout` on a client that never speaks', '', async (listen) => {
    const server = createHttpServer({ headersTimeout: 30, requestTimeout: 30, connectionsCheckingInterval: 10 });
    const path = await listen(server);
    const client = connect(path).on('error', () => undefined);
    return (await text(client)).slice(0, 0);
  });

  same('`maxConnections` drops what is too much', [1, 'dropped'], async (listen) => {
    const [server, arrived] = collecting(createServer());
    server.maxConnections = 1;
    const path = await listen(server);
    connect(path).on('error', () => undefined);
    await until(() => arrived.length === 1);
    const dropped = once(server, 'drop');
    connect(path).on('error', () => undefined);
    await dropped;
    return [arrived.length, 'dropped'];
  });
});

function collecting<S extends Server>(server: S): [S, Socket[]] {
  const arrived: Socket[] = [];
  server.on('connection', (socket: Socket) => { arrived.push(socket.on('error', () => undefined)); });
  return [server, arrived];
}

async function fetchOnce(socketPath: string, agent: Agent): Promise<IncomingMessage> {
  const [response] = await once(get({ socketPath, agent, path: '/' }), 'response') as [IncomingMessage];
  return response;
}
