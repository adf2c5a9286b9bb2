// One server of the benchmark, in a process of its own: `node server.js MODE SOCKET CLIENT-PROGRAM`. Answers `usage` messages.
import { createHash } from 'node:crypto';
import { openSync, readFileSync, writeSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { LINUX_SELECTORS, LinuxAttestor, LinuxPeerSource, linuxListenPort } from '@portcullis/attestor-linux';
import { Catalogue, createGate, toRecord, type Admission, type DecisionSink, type Gate } from '@portcullis/core';
import { compilePolicyText } from '@portcullis/policy';

export type Mode = 'plain' | 'uid' | 'uid+record' | 'program' | 'program+digest' | 'hold-plain' | 'hold-uid' | 'hold-program';

/** What a server says of itself: processor time in µs, memory in bytes, and µs per stage and connection. */
export interface Usage {
  readonly cpuMicros: number;
  readonly rss: number;
  readonly heap: number;
  /** Open now. */
  readonly connections: number;
  readonly stages: Readonly<Record<string, number>>;
}

const [mode, path, clientProgram] = process.argv.slice(2) as [Mode, string, string];
const uid = String(process.getuid?.() ?? 0);

// getgroups(2) as Node gives it has the effective group too.
const hasGroups = /^Groups:\t\S/m.test(readFileSync('/proc/self/status', 'utf8'));
const PROGRAM = `
        unix:supplementary_gid: { exists: ${String(hasGroups)} }
        linux:pin: peer-pidfd
        unix:path: ${clientProgram}
        unix:image: verified
        linux:cgroup: { glob: "/**" }`;

function policyText(): string {
  const program = mode.includes('program') ? PROGRAM : '';
  const digest = mode.includes('digest') ? `\n        unix:sha256: ${createHash('sha256').update(readFileSync(clientProgram)).digest('hex')}` : '';
  return `apiVersion: portcullis/v1
kind: AdmissionPolicy
metadata: { name: bench }
rules:
  - id: client
    effect: allow
    when:
      all:
        - { unix:uid: ${uid} }${program === '' ? '' : `\n        -${program.trimStart().replace(/^/, ' ').replaceAll('\n        ', '\n          ')}`}${digest.replace('\n        ', '\n          ')}
`;
}

/** Records as a log writes them: one line each, written once a turn. */
class Log implements DecisionSink {
  readonly #fd = openSync('/dev/null', 'w');
  #lines = '';
  gate: Gate | undefined;

  record(admission: Admission): void {
    if (this.#lines === '') setImmediate(() => { this.#write(); });
    this.#lines += `${JSON.stringify(toRecord(admission, this.gate!.catalogue))}\n`;
  }

  #write(): void {
    writeSync(this.#fd, this.#lines);
    this.#lines = '';
  }
}

const totals: Record<string, number> = { connections: 0 };

function serve(socket: Socket): void {
  if (mode.startsWith('hold')) socket.on('error', () => socket.destroy());
  else socket.end('x');
}

const server = createServer(serve);
if (!mode.includes('plain')) {
  const log = new Log();
  const loaded = compilePolicyText(policyText(), { file: 'bench.yaml', catalogue: new Catalogue(LINUX_SELECTORS) });
  if (loaded.policy === undefined) throw new Error(JSON.stringify(loaded.findings));
  const gate = await createGate({
    policy: loaded.policy, peerSource: new LinuxPeerSource(), attestors: [new LinuxAttestor()], listenPort: linuxListenPort(),
    ...(mode.includes('record') && { sink: log }),
  });
  log.gate = gate;
  if (process.env['BENCH_STAGES'] === '1') gate.on('admitted', addStages);
  gate.on('denied', ({ decision, nearest }) => { console.error('refused', decision, nearest); });
  gate.guard(server);
}
server.listen({ path, backlog: 4096 }, () => process.send!('listening'));

function addStages({ stages }: Admission): void {
  totals['connections'] = (totals['connections'] ?? 0) + 1;
  for (const [name, micros] of Object.entries(stages)) totals[name] = (totals[name] ?? 0) + micros;
}

process.on('message', () => {
  globalThis.gc?.();
  server.getConnections((_, connections) => { answer(connections); });
});

function answer(connections: number): void {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send!({ cpuMicros: user + system, rss, heap: heapUsed + external, connections, stages: totals } satisfies Usage);
}
