import { createServer, request as httpRequest } from 'node:http';
import { ContainerAttestor } from '@portcullis/attestor-container';
import { admissionOf, connectVerified, createGate } from 'portcullis';
import { allows, callOf } from './allow-list.mjs';

const [path = '/tmp/portcullis-10/docker.sock', daemon = '/run/docker.sock', policy = 'policy.yaml'] = process.argv.slice(2);

const server = createServer(async (request, response) => {
  const call = callOf(request.method, request.url);
  const allowed = Object.values(admissionOf(request).decision.grant).flat();
  if (call === undefined || !allows(allowed, call)) {
    console.log(`refused: ${call ?? 'a path that is not plain'}`);
    response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ message: 'this container may not call that' }));
    return;
  }
  try {
    const socket = await connectVerified(daemon, { uid: 0 }, { inherited: 'allow' }); // docker.socket is made by systemd
    const upstream = httpRequest({ createConnection: () => socket, method: request.method, path: request.url, headers: { host: 'docker' } });
    upstream.on('response', (answer) => {
      response.writeHead(answer.statusCode, { 'content-type': answer.headers['content-type'] ?? 'application/json', 'api-version': answer.headers['api-version'] ?? '' });
      answer.pipe(response);
    });
    upstream.on('error', (error) => { response.destroy(error); });
    response.on('close', () => { socket.destroy(); });
    upstream.end(); // every allowed call is one without a body
  } catch (error) {
    console.log(`the daemon cannot be asked: ${error.message}`);
    response.writeHead(502).end();
  }
});

const gate = await createGate({ policy, attestors: [new ContainerAttestor({ socket: daemon })], refusal: 'http' });
gate.on('denied', ({ nearest, decision }) => { console.log(`refused at the gate: ${nearest?.failed.map(({ key, state, observed }) => `${key} is ${observed.length > 0 ? observed.join(', ') : state}`).join('; ') ?? decision.cause}`); });
await gate.listen(server, { path, mode: 0o666 });
console.log(`listening on ${path}`);
