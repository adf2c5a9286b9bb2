import { createServer } from 'node:net';
import { join } from 'node:path';
import { admissionOf, createGate } from 'portcullis';
import { register } from './plugin.mjs';

const [path = '/tmp/portcullis-08/tools.sock', policy = join(import.meta.dirname, 'policy.yaml')] = process.argv.slice(2);
const gate = await createGate({ policy, plugins: [register] });
gate.on('denied', ({ decision, nearest }) => {
  // Why not: what was seen of the licence, or why nothing could be.
  const seen = nearest?.failed.find(({ key }) => key === 'licence:spdx');
  console.log(`refused: ${seen === undefined ? decision.cause : [seen.state, seen.why, ...seen.observed].filter(Boolean).join(' ')}`);
});

const server = createServer((socket) => {
  const { evidence } = admissionOf(socket);
  socket.end(`hello, ${evidence.get('licence:spdx').values[0]} program\n`);
});
await gate.listen(server, { path, mode: 0o666 }); // anybody may connect; the policy decides
console.log(`listening on ${path}`);
