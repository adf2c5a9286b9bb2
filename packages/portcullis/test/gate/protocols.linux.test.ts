import assert from 'node:assert/strict';
import { createServer as createHttpServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import { createSecureServer, createServer as createHttp2Server, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createNetServer, type Server, type Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { LinuxHandoffPort } from '@portcullis/attestor-linux';
import { admissionOf, type Guarded } from '@portcullis/core';
import type { StubPolicyOptions } from '@portcullis/core/testing';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { fastify } from 'fastify';
import { WebSocketServer } from 'ws';
import type { Seen } from './support/clients.js';
import { ECHO } from './support/grpc-echo.js';
import { certificate, Harness, needLinux, until } from './support/harness.js';

/** What a handler answers: whom it serves, and by which grant. */
function whoami(subject: object): string {
  const { peer, decision } = admissionOf(subject);
  return `${String(peer?.uid)}:${JSON.stringify(decision.grant['role'])}`;
}

const ME = `${String(process.getuid?.())}:"tester"`;

/** Of whom the connections are: of their connectors, as far as anybody looks, or read with their senders. */
const WAYS: readonly (readonly [string, Partial<StubPolicyOptions>])[] = [
  ['the gate before real servers', {}],
  ['the gate before real servers, with `handoff: deny`', { terms: { onPeerExit: 'revoke', onExec: 'revoke', handoff: 'deny' } }],
];

for (const [title, policyOptions] of WAYS) describe(title, function () {
  let harness: Harness;
  /** Everything of the application that a connection reached: empty after a refusal (I1). */
  let reached: string[];
  before(function () { needLinux(this); });
  beforeEach(() => {
    harness = new Harness();
    reached = [];
  });
  afterEach(() => harness.close());

  /** The application's own listeners: behind a gate none of them sees a refused connection. */
  function watched<S extends Server>(server: S): S {
    for (const event of ['connection', 'secureConnection', 'session', 'request', 'stream', 'upgrade', 'connect', 'checkContinue', 'clientError', 'tlsClientError', 'unknownProtocol']) {
      server.on(event, () => { reached.push(event); });
    }
    return server;
  }

  async function serve(target: Guarded): Promise<void> {
    await harness.serve(target, { policy: harness.policy(policyOptions), handoffPort: new LinuxHandoffPort() });
  }

  /** An admitted client of `kind` is served; a refused one gets nothing, and nothing of it gets to the application. */
  async function proves(kind: string, target: Guarded, expected: Seen, asked: object = {}): Promise<void> {
    await serve(target);
    const refused = await harness.refusedClient(kind, asked);
    assert.equal(refused.status, undefined, 'a refused client got an answer');
    assert.ok(refused.code !== undefined || refused.body === '', `a refused client got ${JSON.stringify(refused)}`);
    assert.deepEqual(reached, [], 'the application saw something of a refused connection');
    assert.deepEqual(await harness.admittedClient(kind, asked), expected);
    assert.notDeepEqual(reached, [], 'the test watches nothing');
    await until(() => harness.records.length >= 2);
    const effects = harness.records.map(({ decision }) => decision.effect);
    // A client may try again after a refusal (gRPC does).
    assert.equal(effects.at(-1), 'allow');
    assert.equal(effects.filter((effect) => effect === 'allow').length, 1);
    assert.deepEqual(harness.failures, []);
  }

  function answerHttp(request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse): void {
    reached.push('handler');
    const plain = response as ServerResponse;
    plain.end([whoami(request), whoami(request.socket), whoami(response)].join());
  }
  const THRICE = [ME, ME, ME].join();

  it('net: the socket carries its admission', () =>
    proves('net', watched(createNetServer((socket) => {
      reached.push('handler');
      socket.on('data', (bytes) => { reached.push(bytes.toString()); });
      socket.end(whoami(socket));
    })), { body: ME }));

  it('a function takes the place of a server', () =>
    proves('net', (socket: Socket) => {
      reached.push('handler');
      socket.pipe(socket);
    }, { body: 'hello' }));

  it('http: request, response and socket lead to the admission', () =>
    proves('http', watched(createHttpServer(answerHttp)), { status: 200, body: THRICE }));

  it('http: every request of a kept connection has the one admission', async () => {
    const seen = new Set<object>();
    let connections = 0;
    const server = createHttpServer((request, response) => {
      seen.add(admissionOf(request));
      response.end('ok');
    }).on('connection', () => { connections += 1; });
    await serve(server);
    assert.deepEqual(await harness.admittedClient('http', { times: 3 }), { status: 200, body: 'ok ok ok' });
    assert.deepEqual([seen.size, connections], [1, 1]);
  });

  it('http: an upgraded connection keeps its admission', () =>
    proves('upgrade', watched(createHttpServer()).on('upgrade', (request: IncomingMessage, socket: Socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n');
      socket.end([whoami(request), whoami(socket)].join());
    }), { status: 101, body: [ME, ME].join() }));

  it('https: the admission is found below TLS', async function () {
    const tls = certificate(this, harness.folder);
    await proves('https', watched(createHttpsServer(tls, answerHttp)), { status: 200, body: THRICE }, { ca: tls.cert.toString() });
  });

  it('http2 in clear: through the compatibility layer, to http2\'s own client', () =>
    proves('h2c', watched(createHttp2Server(answerHttp)), { status: 200, body: THRICE }));

  it('http2 in clear: streams and sessions lead to the admission', () =>
    proves('h2c', watched(createHttp2Server().on('stream', (stream) => {
      stream.respond({ ':status': 200 });
      stream.end([whoami(stream), whoami(stream.session ?? {})].join());
    })), { status: 200, body: [ME, ME].join() }));

  it('http2 with TLS', async function () {
    const tls = certificate(this, harness.folder);
    await proves('h2', watched(createSecureServer(tls, answerHttp)), { status: 200, body: THRICE }, { ca: tls.cert.toString() });
  });

  it('http2 with TLS serves HTTP/1.1 clients where that is allowed', async function () {
    const tls = certificate(this, harness.folder);
    await proves('https', watched(createSecureServer({ ...tls, allowHTTP1: true }, answerHttp)), { status: 200, body: THRICE }, { ca: tls.cert.toString() });
  });

  it('fastify: `app.server` is listened on, and `admissionOf(request)` knows', async () => {
    const app = fastify();
    app.get('/', (request) => [whoami(request), whoami(request.raw), whoami(request.socket)].join());
    await app.ready();
    await proves('http', watched(app.server), { status: 200, body: THRICE });
  });

  it('fastify: a server of the embedder\'s own making', async () => {
    let made: HttpServer | undefined;
    const app = fastify({ serverFactory: (handler) => (made = watched(createHttpServer(handler))) });
    app.get('/', (request) => whoami(request));
    await app.ready();
    await proves('http', made!, { status: 200, body: ME });
  });

  it('ws: the WebSocket and its upgrade request lead to the admission', () => {
    const server = watched(createHttpServer());
    new WebSocketServer({ server }).on('connection', (socket, request) => {
      socket.on('message', (message) => { socket.send([whoami(socket), whoami(request), (message as Buffer).toString()].join()); });
    });
    return proves('ws', server, { body: [ME, ME, 'hello'].join() });
  });

  it('gRPC: a unary and a streaming handler find the admission of their call', async () => {
    const server = new grpc.Server();
    server.addService(ECHO, {
      say(call: grpc.ServerUnaryCall<string, string>, reply: grpc.sendUnaryData<string>) {
        reached.push('say');
        reply(null, whoami(call));
      },
      sayAll(call: grpc.ServerWritableStream<string, string>) {
        for (let i = 0; i < 3; i += 1) call.write(whoami(call));
        call.end();
      },
    });
    const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
    await proves('grpc', (socket) => {
      reached.push('injected');
      injector.injectConnection(socket);
    }, { body: [ME, ME, ME, ME].join(' ') });
    server.forceShutdown();
  });

  it('gRPC: behind a server interceptor, and after an await', async () => {
    const interceptor: grpc.ServerInterceptor = (_method, call) => new grpc.ServerInterceptingCall(call);
    const server = new grpc.Server({ interceptors: [interceptor] });
    server.addService(ECHO, {
      say(call: grpc.ServerUnaryCall<string, string>, reply: grpc.sendUnaryData<string>) {
        setImmediate(() => { reply(null, whoami(call)); });
      },
      sayAll(call: grpc.ServerWritableStream<string, string>) { call.end(); },
    });
    const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
    await proves('grpc', (socket) => {
      reached.push('injected');
      injector.injectConnection(socket);
    }, { body: ME });
    server.forceShutdown();
  });

  it('MCP: a server over each admitted socket, with the SDK\'s framing at both ends', () =>
    proves('mcp', (socket) => {
      reached.push('transport');
      const { peer } = admissionOf(socket);
      const server = new McpServer({ name: 'gated', version: '1' });
      server.registerTool('whoami', {}, () => ({ content: [{ type: 'text', text: String(peer?.uid) }] }));
      void server.connect(new StdioServerTransport(socket, socket));
    }, { body: JSON.stringify([{ type: 'text', text: String(process.getuid?.()) }]) }));
});
