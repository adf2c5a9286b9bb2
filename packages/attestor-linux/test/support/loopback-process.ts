// A server on 127.0.0.1 in a process of its own, for attestors that are not root. Argument: the keys with commas. Prints its
// port, then a JSON a connection.
import { createServer, type AddressInfo } from 'node:net';
import type { SelectorKey } from '@portcullis/core';
import { Attesting } from './attesting.js';

const keys = (process.argv[2] ?? '').split(',') as SelectorKey[];
const attesting = new Attesting({ transport: 'tcp' });

const server = createServer({ pauseOnConnect: true }, (socket) => {
  void attesting.look(socket, keys).then((look) => {
    process.stdout.write(`${JSON.stringify({ code: look.refused, evidence: Object.fromEntries(look.attested.evidence) })}\n`);
    look.close();
    socket.destroy();
  });
}).listen(0, '127.0.0.1', () => {
  process.stdout.write(`${String((server.address() as AddressInfo).port)}\n`);
});
process.stdin.on('end', () => { process.exit(); }).resume();
