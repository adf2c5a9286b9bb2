// One server of the benchmark, in a process of its own: `node server.js MODE SOCKET CLIENT-PROGRAM`. Answers the messages `usage`, and `collected`, which collects garbage before.
import { openSync, writeSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { LINUX_SELECTORS, LinuxAttestor, LinuxHandoffPort, LinuxPeerSource, linuxListenPort } from '@portcullis/attestor-linux';
import { Catalogue, createGate, toRecord, type Admission, type DecisionSink, type Gate } from '@portcullis/core';
import { compilePolicyText } from '@portcullis/policy';
import { policyText } from './policy-text.js';

export type Mode = 'plain' | 'uid' | 'uid+record' | 'program' | 'program+digest' | 'hold-plain' | 'hold-uid' | 'hold-program' | 'stay-plain' | 'stay-uid' | 'read-plain' | 'read-uid' | 'read-handoff';

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

/** How long each connection lasts: longer than a lease takes to begin. */
const STAY_MS = 25;

function serve(socket: Socket): void {
  if (mode.startsWith('read')) socket.on('data', () => undefined).on('end', () => socket.end('x'));
  else if (mode.startsWith('hold')) socket.on('error', () => socket.destroy());
  else if (mode.startsWith('stay')) setTimeout(() => socket.end('x'), STAY_MS);
  else socket.end('x');
}

const server = createServer({ allowHalfOpen: mode.startsWith('read') }, serve);
if (!mode.includes('plain')) {
  const log = new Log();
  const kind = mode.includes('digest') ? 'program+digest' : mode.includes('program') ? 'program' : mode.includes('handoff') ? 'handoff' : 'uid';
  const loaded = compilePolicyText(policyText(kind, clientProgram), { file: 'bench.yaml', catalogue: new Catalogue(LINUX_SELECTORS) });
  if (loaded.policy === undefined) throw new Error(JSON.stringify(loaded.findings));
  const gate = await createGate({
    policy: loaded.policy, peerSource: new LinuxPeerSource(), attestors: [new LinuxAttestor()], listenPort: linuxListenPort(), handoffPort: new LinuxHandoffPort(),
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

// A collection takes tens of milliseconds of processor time: none where that is what is measured.
process.on('message', (asked: 'usage' | 'collected') => {
  if (asked === 'collected') globalThis.gc?.();
  server.getConnections((_, connections) => { answer(connections); });
});

function answer(connections: number): void {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send!({ cpuMicros: user + system, rss, heap: heapUsed + external, connections, stages: totals } satisfies Usage);
}
