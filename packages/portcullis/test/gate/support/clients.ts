/**
 * The clients, each of its protocol's own making, run as processes of their own: `node clients.js KIND PATH [JSON]`. What
 * came of it goes to standard output as one line of JSON.
 */
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect as http2Connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { connect as tlsConnect, createSecureContext, type TLSSocket } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { WebSocket } from 'ws';
import { ECHO } from './grpc-echo.js';

export const CLIENTS = fileURLToPath(import.meta.url);

/** What the client saw: the answer, or the error's code. */
export interface Seen {
  readonly body?: string;
  readonly status?: number;
  readonly code?: string;
}

interface Asked {
  readonly ca?: string;
  readonly send?: string;
  /** `http`: how many requests on one connection. */
  readonly times?: number;
}

const clients: Readonly<Record<string, (path: string, asked: Asked) => Promise<Seen>>> = {
  /** Sends at once, then reads to the end. */
  async net(path, { send = 'hello' }) {
    const socket = connect(path);
    socket.end(send);
    return { body: await text(socket) };
  },

  async http(path, { times = 1, send }) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const bodies: string[] = [];
    let status: number | undefined;
    for (let i = 0; i < times; i += 1) {
      const response = await answer(httpRequest({ socketPath: path, path: '/', agent, method: send === undefined ? 'GET' : 'POST' }), send);
      status = response.statusCode;
      bodies.push(await text(response));
    }
    agent.destroy();
    return { body: bodies.join(' '), ...(status !== undefined && { status }) };
  },

  async upgrade(path) {
    const request = httpRequest({ socketPath: path, headers: { connection: 'upgrade', upgrade: 'shout' } });
    request.end();
    const [response, socket, head] = await once(request, 'upgrade') as [IncomingMessage, Socket, Buffer];
    socket.end('up');
    return { status: response.statusCode ?? 0, body: head.toString() + await text(socket) };
  },

  async https(path, { ca }) {
    const response = await answer(httpsRequest({ socketPath: path, servername: 'localhost', ca } as RequestOptions));
    return { status: response.statusCode ?? 0, body: await text(response) };
  },

  h2c: (path) => http2Get(http2Connect('http://localhost', { createConnection: () => connect(path) })),

  h2(path, { ca }) {
    const createConnection = (): TLSSocket =>
      tlsConnect({ socket: connect(path), servername: 'localhost', ALPNProtocols: ['h2'], secureContext: createSecureContext({ ca }) });
    return http2Get(http2Connect('https://localhost', { createConnection }));
  },

  async ws(path) {
    const socket = new WebSocket(`ws+unix:${path}:/`);
    await once(socket, 'open');
    socket.send('hello');
    const [message] = await once(socket, 'message') as [Buffer];
    socket.close();
    return { body: message.toString() };
  },

  async grpc(path) {
    const Echo = grpc.makeGenericClientConstructor(ECHO, 'Echo');
    const client = new Echo(`unix:${path}`, grpc.credentials.createInsecure()) as unknown as grpc.Client & Record<'say' | 'sayAll', (request: string, answered?: (error: grpc.ServiceError | null, reply: string) => void) => grpc.ClientReadableStream<string>>;
    try {
      const one = await new Promise<string>((resolve, reject) => {
        client.say('hello', (error, reply) => { if (error === null) resolve(reply); else reject(Object.assign(error, { code: grpc.status[error.code] })); });
      });
      const many: string[] = [];
      for await (const reply of client.sayAll('hello')) many.push(String(reply));
      return { body: [one, ...many].join(' ') };
    } finally {
      client.close();
    }
  },

  async mcp(path) {
    const socket = connect(path);
    // Without this the SDK waits for its own time limit when the connection ends.
    const ended = once(socket, 'close').then(() => { throw Object.assign(new Error('the connection ended'), { code: 'ECLOSED' }); });
    const client = new Client({ name: 'test', version: '1' });
    const talk = async (): Promise<Seen> => {
      await client.connect(new StdioServerTransport(socket, socket));
      const { content } = await client.callTool({ name: 'whoami' });
      socket.removeAllListeners('close').destroy();
      return { body: JSON.stringify(content) };
    };
    return Promise.race([talk(), ended]);
  },
};

async function answer(request: ReturnType<typeof httpRequest>, send?: string): Promise<IncomingMessage> {
  request.end(send);
  const [response] = await once(request, 'response') as [IncomingMessage];
  return response;
}

async function http2Get(session: ClientHttp2Session): Promise<Seen> {
  const failed = once(session, 'error').then(([error]) => { throw error as Error; });
  const closed = once(session, 'close').then(() => { throw Object.assign(new Error('the session ended'), { code: 'ECLOSED' }); });
  const get = async (): Promise<Seen> => {
    const stream = session.request({ ':path': '/' });
    const [headers] = await once(stream, 'response') as [IncomingHttpHeaders & { ':status'?: number }];
    return { status: headers[':status'] ?? 0, body: await text(stream) };
  };
  try {
    return await Promise.race([get(), failed, closed]);
  } finally {
    failed.catch(() => undefined);
    closed.catch(() => undefined);
    session.destroy();
  }
}

if (process.argv[1] === CLIENTS) {
  const [kind = '', path = '', asked = '{}'] = process.argv.slice(2);
  const seen = await clients[kind]?.(path, JSON.parse(asked) as Asked).catch((error: unknown): Seen => ({ code: codeOf(error) }));
  process.stdout.write(JSON.stringify(seen ?? { code: 'NO_SUCH_CLIENT' }), () => { process.exit(0); });
}

function codeOf(error: unknown): string {
  const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : String(error);
}
