import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { admissionOf, createGate } from 'portcullis';

await sleep(500); // a server that has much to do before it is ready
const gate = await createGate({ policy: process.argv[2] });
gate.on('denied', ({ peer }) => { console.log(`refused uid ${peer?.uid}`); });
await gate.listen(createServer((socket) => { socket.end(`hello, uid ${admissionOf(socket).peer.uid}\n`); }), { systemd: 'hello' });
console.log('ready');
