import { readdirSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Sample } from './flat.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

export function sample(admissions: number): Sample {
  collectGarbage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    admissions,
    descriptors: readdirSync('/proc/self/fd').length - 1, // but for the one that reads them
    threads: Number(/^Threads:\t([0-9]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]),
    rssMiB: rss / 2 ** 20,
    heapMiB: (heapUsed + external) / 2 ** 20,
  };
}
