import { randomInt } from 'node:crypto';

/** How many times as long as in an ordinary run the fuzzers run: `PORTCULLIS_FUZZ=100`. */
export const FUZZ_VARIABLE = 'PORTCULLIS_FUZZ';

/** Repeats a random run: the number that it printed. */
export const SEED_VARIABLE = 'PORTCULLIS_SEED';

/** 1 where nobody asked for more. @throws Error for what is no number above 0: a typing error would make a long run a short one. */
export function fuzzFactor(env: NodeJS.ProcessEnv = process.env): number {
  const factor = Number(env[FUZZ_VARIABLE] ?? 1);
  if (Number.isFinite(factor) && factor > 0) return factor;
  throw new Error(`${FUZZ_VARIABLE} is \`${String(env[FUZZ_VARIABLE])}\`, not a number above 0`);
}

/** What a run may take that takes `ms` at most where nobody asked for a longer one. */
export function fuzzMs(ms: number, env: NodeJS.ProcessEnv = process.env): number {
  return ms * Math.max(1, fuzzFactor(env));
}

/** The seed to repeat, or a new one. */
export function fuzzSeed(env: NodeJS.ProcessEnv = process.env): number {
  const seed = env[SEED_VARIABLE];
  return seed === undefined ? randomInt(2 ** 31) : Number(seed) >>> 0;
}

/** Chance that can be repeated (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  /** Once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }
}
