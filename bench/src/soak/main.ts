// `npm run soak -- [ADMISSIONS]`: one gate, many admissions, refused and admitted, and what it holds meanwhile. Needs root.
import { createHash } from 'node:crypto';
import { appendFileSync, chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { LINUX_SELECTORS, LinuxAttestor, LinuxPeerSource, linuxListenPort } from '@portcullis/attestor-linux';
import { Catalogue, createGate } from '@portcullis/core';
import { compilePolicyText } from '@portcullis/policy';
import { LoadClient } from '../load-client.js';
import { connect, type Crowd } from './crowd.js';
import { whatGrew, type Sample } from './flat.js';
import { sample } from './sample.js';

const ROUNDS = 40;
const [ANN, BEN, CAT] = [1234, 1235, 1236] as const;
const wanted = Number(process.argv[2] ?? 200_000);
if (process.geteuid?.() !== 0) throw new Error('the soak starts clients of several users: run it as root');

const folder = mkdtempSync('/tmp/portcullis-soak-');
chmodSync(folder, 0o755);
const allowed = new LoadClient(folder).program;
const other = `${folder}/other-client`;
copyFileSync(allowed, other);
appendFileSync(other, 'another digest');
const path = `${folder}/soak.sock`;
const digest = createHash('sha256').update(readFileSync(allowed)).digest('hex');
await sleep(2500); // a digest is kept of a file that was not written a moment ago

const loaded = compilePolicyText(`
apiVersion: portcullis/v1
kind: AdmissionPolicy
metadata: { name: soak }
rules:
  - { id: by-uid, effect: allow, when: { unix:uid: ${String(ANN)} } }
  - { id: by-program, effect: allow, when: { unix:uid: ${String(CAT)}, unix:path: { glob: "${folder}/*" }, unix:sha256: "${digest}" } }
  - { id: no-tracers, effect: deny, when: { unix:uid: ${String(CAT)}, linux:tracer: { exists: true } } }
`, { catalogue: new Catalogue(LINUX_SELECTORS) });
if (loaded.policy === undefined) throw new Error(JSON.stringify(loaded.findings));

const crowds: readonly Crowd[] = [
  { name: 'by uid', program: allowed, uid: ANN, how: 32, admitted: true },
  { name: 'another uid', program: allowed, uid: BEN, how: 32, admitted: false },
  { name: 'program and digest', program: allowed, uid: CAT, how: 32, admitted: true },
  { name: 'another digest', program: other, uid: CAT, how: 32, admitted: false },
  { name: 'program and digest, new processes', program: allowed, uid: CAT, how: 'fork', admitted: true },
];

const told = { admitted: 0, denied: 0 };
const gate = await createGate({ policy: loaded.policy, peerSource: new LinuxPeerSource(), attestors: [new LinuxAttestor()], listenPort: linuxListenPort() });
gate.on('admitted', () => { told.admitted += 1; });
gate.on('denied', () => { told.denied += 1; });
let served = 0;
await gate.listen(createServer((socket) => {
  socket.on('error', () => undefined);
  served += 1;
  // Some stay long enough for their leases to begin.
  if (served % 20 === 0) setTimeout(() => { socket.end('x'); }, 25);
  else socket.end('x');
}), { path, mode: 0o666 });

const each = Math.max(1, Math.ceil(wanted / ROUNDS / crowds.length));
const samples: Sample[] = [];
const wrong = new Set<string>();
const expected = { admitted: 0, denied: 0 };
console.log('admissions  admitted   refused  descriptors  threads  RSS MiB  heap MiB');
const began = performance.now();
for (let round = 0; round < ROUNDS; round += 1) {
  for (const crowd of crowds) {
    const unserved = await connect(crowd, path, each);
    expected[crowd.admitted ? 'admitted' : 'denied'] += each;
    if (unserved !== (crowd.admitted ? 0 : each)) wrong.add(`${crowd.name}: ${String(unserved)} of ${String(each)} were not served`);
  }
  while (gate.load.live > 0 || told.admitted + told.denied < expected.admitted + expected.denied) await sleep(5);
  await sleep(20); // what is let go after the record
  const now = sample(told.admitted + told.denied);
  samples.push(now);
  console.log(row(now.admissions, told.admitted, told.denied, now.descriptors, now.threads, now.rssMiB.toFixed(1), now.heapMiB.toFixed(1)));
}
const seconds = (performance.now() - began) / 1000;
if (told.admitted !== expected.admitted || told.denied !== expected.denied) wrong.add(`expected ${JSON.stringify(expected)}, and the gate told ${JSON.stringify(told)}`);
for (const grown of whatGrew(samples)) wrong.add(grown);
await gate.close({ drainMs: 1000 });
rmSync(folder, { recursive: true, force: true });
console.log(`${String(told.admitted + told.denied)} admissions in ${seconds.toFixed(0)} s: ${wrong.size === 0 ? 'flat' : [...wrong].join('; ')}`);
process.exitCode = wrong.size === 0 ? 0 : 1;

function row(...values: readonly (number | string)[]): string {
  const widths = [10, 8, 8, 11, 7, 7, 8];
  return values.map((value, at) => String(value).padStart(widths[at] ?? 0)).join('  ');
}
