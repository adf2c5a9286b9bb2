import { createServer } from 'node:http';
import { admissionOf, createGate } from 'portcullis';

const [path = '/tmp/portcullis-02/notes.sock', policy = 'policy.yaml'] = process.argv.slice(2);
const notes = ['the first note'];

const server = createServer((request, response) => {
  const { grant } = admissionOf(request).decision;
  const needed = request.method === 'POST' ? 'write' : 'read';
  if (grant[needed] !== true) {
    response.writeHead(403).end(`this needs the grant \`${needed}\`\n`);
    return;
  }
  if (needed === 'write') notes.push(`note ${notes.length + 1}`);
  response.end(`${notes.join('\n')}\n`);
});

const gate = await createGate({ policy, refusal: 'http' }); // who is refused reads a 403 that the gate writes
gate.on('denied', ({ nearest }) => { console.log(`refused: ${nearest?.failed.map(({ key, observed }) => `${key} is ${observed}`).join(', ')}`); });
await gate.listen(server, { path });
console.log(`listening on ${path}`);
