import { fastify } from 'fastify';
import { admissionOf, createGate } from 'portcullis';
import { WebSocketServer } from 'ws';

const [path = '/tmp/portcullis-06/board.sock', policy = 'policy.yaml'] = process.argv.slice(2);
const messages = [];

/** By the kernel: a client cannot say that it is somebody else. */
const authorOf = (request) => `user ${admissionOf(request).peer.uid}`;

const app = fastify();
app.get('/messages', () => messages);

const board = new WebSocketServer({ noServer: true, maxPayload: 4096 });
board.on('connection', (socket, request) => {
  const author = authorOf(request);
  socket.on('error', () => {}).on('message', (text) => {
    messages.push({ author, text: text.toString() });
    for (const client of board.clients) client.send(JSON.stringify(messages.at(-1)));
  });
});

await app.ready();
app.server.on('upgrade', (request, socket, head) => {
  if (admissionOf(request).decision.grant.role !== 'member') {
    socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
    return;
  }
  board.handleUpgrade(request, socket, head, (client) => { board.emit('connection', client, request); });
});

const gate = await createGate({ policy, refusal: 'http' });
gate.on('denied', ({ nearest, decision }) => { console.log(`refused: ${nearest?.failed.map(({ key, observed }) => `${key} is ${observed}`).join(', ') ?? decision.cause}`); });
await gate.listen(app.server, { path }); // in place of app.listen
console.log(`listening on ${path}`);
