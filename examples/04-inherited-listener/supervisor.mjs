// Makes the socket, hands it to the server, and goes on without it.
import { once } from 'node:events';
import { join } from 'node:path';
import { handOver } from 'portcullis';

const [path = '/tmp/portcullis-04/hello.sock', policy = join(import.meta.dirname, 'policy.yaml')] = process.argv.slice(2);

const { child, sockets } = await handOver({
  sockets: [{ name: 'hello', path, mode: 0o666 }], // anybody may connect; the policy decides
  command: process.execPath,
  args: [join(import.meta.dirname, 'server.mjs'), policy],
});
console.log(`listening on ${sockets[0].path}`); // from here on clients may come: they wait for the server

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => child.kill());
await once(child, 'exit');
