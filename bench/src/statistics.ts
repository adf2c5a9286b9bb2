import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** Median µs a call: batches long enough for the clock, after a warm-up. */
export function microsPerCall(call: (round: number) => void, leastMs: number): number {
  let batch = 1;
  for (;;) {
    const began = performance.now();
    for (let i = 0; i < batch; i += 1) call(i);
    if (performance.now() - began > leastMs / 20) break;
    batch *= 2;
  }
  const samples: number[] = [];
  for (let sample = 0; sample < 15; sample += 1) {
    const began = performance.now();
    for (let i = 0; i < batch; i += 1) call(i);
    samples.push(((performance.now() - began) * 1000) / batch);
  }
  return median(samples);
}

/** The shortest of some runs, in milliseconds: what else the machine does only makes them longer. */
export function leastMs(run: () => unknown, times: number): number {
  let least = Infinity;
  for (let time = 0; time < times; time += 1) {
    const began = performance.now();
    run();
    least = Math.min(least, performance.now() - began);
  }
  return least;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes of heap, and of buffers outside of it, after a collection. */
export function collectedHeap(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
