import { createServer } from 'node:net';
import { admissionOf, createGate } from 'portcullis';

const gate = await createGate({ policy: process.argv[2], watch: true });
gate.on('denied', ({ peer }) => { console.log(`refused uid ${peer?.uid}`); });

const server = createServer((socket) => { socket.end(`hello, uid ${admissionOf(socket).peer.uid}\n`); });
await gate.listen(server, { systemd: 'hello' }); // FileDescriptorName= of the socket unit
process.once('SIGTERM', () => { void gate.close(); }); // live connections may end
console.log('ready');
