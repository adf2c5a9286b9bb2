import type { LoadClient } from './load-client.js';
import type { Mode } from './server.js';
import { BareServer, NodeServer, type BareMode } from './servers.js';
import { median } from './statistics.js';

export interface AdmissionFigure {
  readonly name: string;
  /** Connections a second that the client saw, server and client on this machine's cores together. */
  readonly perSecond: number;
  /** Server processor time a connection, µs. */
  readonly cpuMicros: number;
  readonly addedMicros: number;
  readonly ratio: number;
}

interface Case {
  readonly name: string;
  readonly mode: Mode | BareMode;
  readonly how: number | 'fork';
  /** The case that it is compared with. */
  readonly base: string;
}

const CASES: readonly Case[] = [
  { name: 'plain Node', mode: 'plain', how: 32, base: 'plain Node' },
  { name: 'uid only', mode: 'uid', how: 32, base: 'plain Node' },
  { name: 'uid only, with records', mode: 'uid+record', how: 32, base: 'uid only' },
  { name: 'plain Node, one at a time', mode: 'plain', how: 1, base: 'plain Node, one at a time' },
  { name: 'uid only, one at a time', mode: 'uid', how: 1, base: 'plain Node, one at a time' },
  { name: 'plain Node, connections of 25 ms', mode: 'stay-plain', how: 256, base: 'plain Node, connections of 25 ms' },
  { name: 'uid only, lease begun', mode: 'stay-uid', how: 256, base: 'plain Node, connections of 25 ms' },
  { name: 'program, known image', mode: 'program', how: 32, base: 'plain Node' },
  { name: 'program and digest, known image', mode: 'program+digest', how: 32, base: 'plain Node' },
  { name: 'C, accepts only', mode: 'bare-plain', how: 32, base: 'C, accepts only' },
  { name: 'C, the same calls, known image', mode: 'bare-attest', how: 32, base: 'C, accepts only' },
  { name: 'plain Node, new process each time', mode: 'plain', how: 'fork', base: 'plain Node, new process each time' },
  { name: 'uid only, new process each time', mode: 'uid', how: 'fork', base: 'plain Node, new process each time' },
  { name: 'plain Node, connections of 25 ms, new process each time', mode: 'stay-plain', how: 'fork', base: 'plain Node, connections of 25 ms, new process each time' },
  { name: 'uid only, lease begun, new process each time', mode: 'stay-uid', how: 'fork', base: 'plain Node, connections of 25 ms, new process each time' },
  { name: 'program, first seen', mode: 'program', how: 'fork', base: 'plain Node, new process each time' },
  { name: 'C, accepts only, new process each time', mode: 'bare-plain', how: 'fork', base: 'C, accepts only, new process each time' },
  { name: 'C, the same calls, first seen', mode: 'bare-attest', how: 'fork', base: 'C, accepts only, new process each time' },
];

/** How many times a round's connections a server sees before it is measured: V8 compiles its last functions that late. */
const WARM_ROUNDS = 3;

/** Every case has one server throughout. Rounds are interleaved, so that a busy moment of the machine meets all cases. */
export async function measureAdmission(client: LoadClient, folder: string, rounds: number, count: number): Promise<readonly AdmissionFigure[]> {
  const running = [];
  for (const one of CASES) {
    const server = one.mode === 'bare-plain' || one.mode === 'bare-attest' ? await BareServer.start(one.mode, folder) : await NodeServer.start(one.mode, folder, client.program);
    const some = one.how === 'fork' ? Math.ceil(count / 10) : count;
    await client.run(server.path, WARM_ROUNDS * some, one.how);
    running.push({ ...one, server, some, cpu: [] as number[], speed: [] as number[] });
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const { server, some, how, cpu, speed } of running) {
      const before = await server.cpuMicros();
      const began = performance.now();
      await client.run(server.path, some, how);
      const seconds = (performance.now() - began) / 1000;
      const after = await server.cpuMicros();
      cpu.push((after - before) / some);
      speed.push(some / seconds);
    }
  }
  for (const { server } of running) await server.stop();
  const cpuOf = new Map(running.map(({ name, cpu }) => [name, median(cpu)]));
  return running.map(({ name, base, speed }) => {
    const own = cpuOf.get(name)!;
    const plain = cpuOf.get(base)!;
    return { name, perSecond: median(speed), cpuMicros: own, addedMicros: own - plain, ratio: own / plain };
  });
}

/** Mean µs a stage, from the gate's own clock. */
export async function measureStages(client: LoadClient, folder: string, count: number): Promise<Readonly<Record<string, Record<string, number>>>> {
  const table: Record<string, Record<string, number>> = {};
  for (const [name, mode, how] of [['uid only', 'uid', 32], ['program, known image', 'program', 32], ['program, first seen', 'program', 'fork']] as const) {
    const server = await NodeServer.start(mode, folder, client.program, { BENCH_STAGES: '1' });
    const some = how === 'fork' ? Math.ceil(count / 10) : count;
    await client.run(server.path, WARM_ROUNDS * some, how);
    const { stages: before } = await server.usage();
    await client.run(server.path, some, how);
    const { stages: after } = await server.usage();
    table[name] = Object.fromEntries(Object.entries(after).filter(([stage]) => stage !== 'connections').map(([stage, sum]) => [stage, (sum - (before[stage] ?? 0)) / some]));
    await server.stop();
  }
  return table;
}

/** Bytes of heap a held connection, beyond what plain Node needs for one. */
export async function measureMemory(client: LoadClient, folder: string, count: number): Promise<readonly { readonly name: string; readonly bytes: number; readonly added: number }[]> {
  const figures: { name: string; bytes: number; added: number }[] = [];
  for (const [name, mode] of [['plain Node', 'hold-plain'], ['uid only', 'hold-uid'], ['program', 'hold-program']] as const) {
    const server = await NodeServer.start(mode, folder, client.program);
    const warm = await client.hold(server.path, 100);
    const before = await server.usage('collected');
    const held = await client.hold(server.path, count);
    while ((await server.usage()).connections < count + 100) await new Promise((resolve) => setTimeout(resolve, 20));
    const after = await server.usage('collected');
    const bytes = (after.heap - before.heap) / count;
    figures.push({ name, bytes, added: bytes - (figures[0]?.bytes ?? bytes) });
    await held.release();
    await warm.release();
    await server.stop();
  }
  return figures;
}
