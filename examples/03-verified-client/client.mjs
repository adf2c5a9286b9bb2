import { request } from 'node:http';
import { admissionOf, connectVerified, ServerRefused } from 'portcullis';

const [path = '/tmp/portcullis-03/vault.sock', uid = String(process.getuid())] = process.argv.slice(2);

try {
  // The token is written after this line, or never.
  const socket = await connectVerified(path, { uid: Number(uid) }, { timeoutMs: 5000 });
  console.log(`admitted: the server is process ${admissionOf(socket).peer.pid}, of uid ${uid}`);
  const asked = request({ createConnection: () => socket, headers: { authorization: 'Bearer secret', connection: 'close' } });
  asked.on('response', (response) => response.pipe(process.stdout)).end();
} catch (error) {
  if (!(error instanceof ServerRefused)) throw error;
  console.log(`refused: ${error.message}`);
  process.exitCode = 1;
}
