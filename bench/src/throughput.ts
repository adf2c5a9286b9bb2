import { NodeServer } from './servers.js';
import type { LoadClient } from './load-client.js';
import type { Mode } from './server.js';
import { median } from './statistics.js';

export interface ThroughputFigure {
  readonly name: string;
  /** Bytes a write of the client. */
  readonly size: number;
  /** That the client got rid of, server and client on this machine's cores together. */
  readonly megabytesPerSecond: number;
  /** Server processor time, ms a gigabyte. */
  readonly cpuMillis: number;
  /** Of the processor time, against plain Node. */
  readonly ratio: number;
}

const CASES: readonly (readonly [string, Mode])[] = [['plain Node', 'read-plain'], ['uid only', 'read-uid'], ['uid only, `handoff: deny`', 'read-handoff']];

/** One connection whose bytes are read and thrown away; rounds are interleaved. */
export async function measureThroughput(client: LoadClient, folder: string, rounds: number, bytes: number): Promise<readonly ThroughputFigure[]> {
  const figures: ThroughputFigure[] = [];
  for (const size of [65_536, 1000]) {
    // Small writes are slow: as much of them as takes about as long.
    const total = size < 10_000 ? bytes / 8 : bytes;
    const runs = CASES.map(() => ({ cpu: [] as number[], speed: [] as number[] }));
    for (let round = 0; round < rounds; round += 1) {
      for (const [at, [, mode]] of CASES.entries()) {
        const server = await NodeServer.start(mode, folder, client.program);
        await client.send(server.path, total / 4, size);
        const before = await server.usage();
        const began = performance.now();
        await client.send(server.path, total, size);
        const seconds = (performance.now() - began) / 1000;
        const after = await server.usage();
        runs[at]!.cpu.push((after.cpuMicros - before.cpuMicros) / 1000 / (total / 1e9));
        runs[at]!.speed.push(total / 1e6 / seconds);
        await server.stop();
      }
    }
    const plain = median(runs[0]!.cpu);
    figures.push(...CASES.map(([name], at) => ({ name, size, megabytesPerSecond: median(runs[at]!.speed), cpuMillis: median(runs[at]!.cpu), ratio: median(runs[at]!.cpu) / plain })));
  }
  return figures;
}
