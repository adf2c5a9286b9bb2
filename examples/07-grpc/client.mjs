// node client.mjs SOCKET get NAME, or put NAME VALUE
import { credentials, makeGenericClientConstructor, status } from '@grpc/grpc-js';
import { KEYS } from './service.mjs';

const [path = '/tmp/portcullis-07/keys.sock', method = 'get', name = 'motd', value] = process.argv.slice(2);

const client = new (makeGenericClientConstructor(KEYS, 'Keys'))(`unix:${path}`, credentials.createInsecure());
client[method]({ name, value }, { deadline: Date.now() + 20_000 }, (error, answer) => {
  console.log(error === null ? JSON.stringify(answer) : status[error.code]);
  client.close();
});
