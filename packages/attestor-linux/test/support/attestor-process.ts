// A server in a process of its own, for attestors that are not root or live in other namespaces. Arguments: where to listen,
// the keys with commas, and a JSON of what this kernel is to be said not to have. Prints `ready`, then a JSON a connection. A
// line on its standard input puts its clock forward by a minute.
import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import type { SelectorKey } from '@portcullis/core';
import type { Capabilities } from '@portcullis/attestor-linux';
import { Attesting } from './attesting.js';

const [path = '', keys = '', without = '{}'] = process.argv.slice(2);
const attesting = new Attesting({ without: JSON.parse(without) as Partial<Capabilities> });
const wanted = keys.split(',') as SelectorKey[];

createServer({ pauseOnConnect: true }, (socket) => {
  const before = performance.now();
  void attesting.look(socket, wanted).then((look) => {
    const lookMs = performance.now() - before;
    const { decision, credentials, peer, evidence } = look.attested;
    const { fullIdMaps, hidepid } = attesting.source.capabilities;
    const said = { lookMs, code: decision.code, credentials, pin: peer?.pin, fullIdMaps, hidepid, evidence: Object.fromEntries(evidence), verify: peer && look.verify() };
    process.stdout.write(`${JSON.stringify(said)}\n`);
    look.close();
    socket.destroy();
  });
}).listen(path, () => {
  chmodSync(path, 0o777);
  process.stdout.write('ready\n');
});
const now = performance.now.bind(performance);
let aheadMs = 0;
performance.now = () => now() + aheadMs;
process.stdin.on('end', () => { process.exit(); }).on('data', () => {
  aheadMs += 60_000;
  process.stdout.write('later\n');
});
