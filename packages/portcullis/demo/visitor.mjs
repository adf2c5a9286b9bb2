// The client for machines without curl and without a compiler, and a peer whose code only it can vouch for.
//   node visitor.mjs SOCKET NAME          waits for the end of its input, asks for /NAME and prints the answer
//   node visitor.mjs SOCKET NAME --gone   asks, and is gone before anybody can look
import { connect } from 'node:net';

const [path, name, gone] = process.argv.slice(2);

async function visit() {
  const socket = connect({ path });
  socket.on('error', () => process.exit(1));
  socket.write(`GET /${name} HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n`, () => {
    if (gone === undefined) socket.pipe(process.stdout);
    else process.exit(0);
  });
}

if (gone === undefined) process.stdin.on('end', visit).resume();
else await visit();
