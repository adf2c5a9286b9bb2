/** What this process holds, when nothing is going on. */
export interface Sample {
  readonly admissions: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly rssMiB: number;
  /** After a garbage collection. */
  readonly heapMiB: number;
}

/**
 * What grew, in words; nothing where all is flat. Compares the last third with the second: in the first, caches fill and
 * threads start. Descriptors are few and exact up to what the cache of processes holds at a moment; memory is allowed
 * the unrest of an allocator, not a slope.
 */
export function whatGrew(samples: readonly Sample[]): readonly string[] {
  const third = Math.floor(samples.length / 3);
  const middle = samples.slice(third, 2 * third);
  const last = samples.slice(2 * third);
  const grown: string[] = [];
  for (const [what, slack, share] of LIMITS) {
    const before = median(middle.map((one) => one[what]));
    const after = median(last.map((one) => one[what]));
    if (after > before * (1 + share) + slack) grown.push(`${what} grew from ${before.toFixed(1)} to ${after.toFixed(1)}`);
  }
  return grown;
}

const LIMITS: readonly (readonly [Exclude<keyof Sample, 'admissions'>, slack: number, share: number])[] = [
  ['descriptors', 8, 0],
  ['threads', 0, 0],
  ['heapMiB', 2, 0.05],
  ['rssMiB', 16, 0.1],
];

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
