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
