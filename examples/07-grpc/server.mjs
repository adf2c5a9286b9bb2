import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { admissionOf, createGate } from 'portcullis';
import { KEYS } from './service.mjs';

const [path = '/tmp/portcullis-07/keys.sock', policy = 'policy.yaml'] = process.argv.slice(2);
const keys = new Map([['motd', 'hello']]);

/** A handler that runs only where the grant of the caller's connection names the method. */
const granted = (method, handler) => (call, reply) => {
  const { grant } = admissionOf(call).decision;
  if (grant.methods?.includes(method.path)) reply(null, handler(call.request));
  else reply({ code: status.PERMISSION_DENIED, details: `this needs a grant of ${method.path}` });
};

const server = new Server();
server.addService(KEYS, {
  get: granted(KEYS.get, ({ name }) => ({ value: keys.get(name) ?? null })),
  put: granted(KEYS.put, ({ name, value }) => {
    keys.set(name, value);
    return {};
  }),
});
const injector = server.createConnectionInjector(ServerCredentials.createInsecure());

const gate = await createGate({ policy });
gate.on('denied', ({ nearest, decision }) => { console.log(`refused: ${nearest?.failed.map(({ key, observed }) => `${key} is ${observed}`).join(', ') ?? decision.cause}`); });
await gate.listen((socket) => { injector.injectConnection(socket); }, { path }); // gRPC gets admitted connections, and listens on nothing
console.log(`listening on ${path}`);
