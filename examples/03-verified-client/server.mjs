// An ordinary server: it needs nothing of ours. It says how many bytes reached it.
import { createServer } from 'node:http';

const [path = '/tmp/portcullis-03/vault.sock'] = process.argv.slice(2);

const server = createServer((request, response) => { response.end(`token taken: ${request.headers.authorization}\n`); });
server.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('close', () => { console.log(`${socket.bytesRead} bytes came`); });
});
server.listen(path, () => { console.log(`listening on ${path}`); });
