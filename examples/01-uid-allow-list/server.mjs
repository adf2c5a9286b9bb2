import { createServer } from 'node:net';
import { admissionOf, createGate } from 'portcullis';

const [path = '/tmp/portcullis-01/hello.sock', policy = 'policy.yaml'] = process.argv.slice(2);
const gate = await createGate({ policy, watch: true });
gate.on('denied', ({ decision, peer }) => { console.log(`refused uid ${peer?.uid}: ${decision.cause}`); });

const server = createServer((socket) => { socket.end(`hello, uid ${admissionOf(socket).peer.uid}\n`); });
await gate.listen(server, { path, mode: 0o666 }); // anybody may connect; the policy decides
console.log(`listening on ${path}`);
