import type { Rate } from './limit.js';

/** What is counted of one name. */
export interface Bucket {
  tokens: number;
  atMs: number;
  /** Connections that live. */
  live: number;
}

/** Buckets that several tables may have together. */
export class BucketRoom {
  readonly most: number;
  taken = 0;

  constructor(most: number) {
    this.most = most;
  }
}

/** Names counted apart in one table. */
export const MOST_BUCKETS = 16_384;
/** Old buckets looked at when a new one is made: at least as many are forgotten as become idle. */
const SWEPT = 2;
/** A clock that is further back than late answers can be was set back: what it said before counts no more. */
const SET_BACK_MS = 60_000;
/** Of a token, lost to rounding. */
const ROUNDING = 1e-6;

/**
 * Token buckets by name, in bounded memory whatever names peers come with: a full bucket is as good as none and is
 * forgotten, and names beyond the cap share one bucket. An attacker who varies names can so make newcomers share, and
 * neither use memory nor empty or refill a bucket that is somebody else's.
 */
export class TokenBuckets<Name> {
  readonly #rate: Rate | undefined;
  readonly #concurrent: number;
  readonly #room: BucketRoom;
  readonly #most: number;
  readonly #buckets = new Map<Name, Bucket>();
  #crowd: Bucket | undefined;

  constructor(rate: Rate | undefined, concurrent: number | undefined, room = new BucketRoom(MOST_BUCKETS), most = MOST_BUCKETS) {
    this.#rate = rate;
    this.#concurrent = concurrent ?? Infinity;
    this.#room = room;
    this.#most = most;
  }

  /** Names counted apart at the moment. */
  get size(): number {
    return this.#buckets.size;
  }

  /** There is no place for another name. */
  isFull(): boolean {
    return this.#buckets.size >= this.#most || this.#room.taken >= this.#room.most;
  }

  /** Asking changes no answer. */
  hasRoom(name: Name, nowMs: number): boolean {
    const bucket = this.#buckets.get(name) ?? (this.isFull() ? this.#crowd : undefined);
    return bucket === undefined || this.#has(bucket, nowMs);
  }

  /** Takes a token and a place; undefined where there is none. The caller gives the place back. */
  take(name: Name, nowMs: number): Bucket | undefined {
    let bucket = this.#find(name, nowMs);
    if (bucket === undefined) {
      this.sweep(nowMs);
      bucket = this.#fresh(nowMs);
      this.#buckets.set(name, bucket);
      this.#room.taken += 1;
    } else if (!this.#has(bucket, nowMs)) {
      return undefined;
    }
    this.#refill(bucket, nowMs);
    bucket.tokens -= 1;
    bucket.live += 1;
    return bucket;
  }

  /** The connection that took it ended. */
  give(bucket: Bucket): void {
    bucket.live -= 1;
  }

  /** Forgets everything. */
  clear(): void {
    this.#room.taken -= this.#buckets.size;
    this.#buckets.clear();
  }

  /** The bucket of a name; that of the crowd where there is no place for another, undefined where one can be made. */
  #find(name: Name, nowMs: number): Bucket | undefined {
    const bucket = this.#buckets.get(name);
    if (bucket !== undefined || !this.isFull()) return bucket;
    this.sweep(nowMs);
    return this.isFull() ? (this.#crowd ??= this.#fresh(nowMs)) : undefined;
  }

  /** Forgets idle ones among the oldest; the others go to the end of the queue. */
  sweep(nowMs: number): void {
    let left = SWEPT;
    for (const [name, bucket] of this.#buckets) {
      if (left-- === 0) return;
      this.#buckets.delete(name);
      if (this.#isIdle(bucket, nowMs)) this.#room.taken -= 1;
      else this.#buckets.set(name, bucket);
    }
  }

  #fresh(nowMs: number): Bucket {
    return { tokens: this.#rate?.burst ?? 0, atMs: nowMs, live: 0 };
  }

  #has(bucket: Bucket, nowMs: number): boolean {
    return bucket.live < this.#concurrent && (this.#rate === undefined || this.#tokensAt(bucket, nowMs) >= 1 - ROUNDING);
  }

  #isIdle(bucket: Bucket, nowMs: number): boolean {
    return (this.#concurrent === Infinity || bucket.live === 0) && (this.#rate === undefined || this.#tokensAt(bucket, nowMs) >= this.#rate.burst);
  }

  #tokensAt({ tokens, atMs }: Bucket, nowMs: number): number {
    if (this.#rate === undefined || nowMs <= atMs) return tokens;
    return Math.min(this.#rate.burst, tokens + ((nowMs - atMs) * this.#rate.perSecond) / 1000);
  }

  #refill(bucket: Bucket, nowMs: number): void {
    bucket.tokens = this.#tokensAt(bucket, nowMs);
    // Late answers are charged at the time of their arrival: that must not let the time between count twice.
    if (nowMs > bucket.atMs || bucket.atMs - nowMs > SET_BACK_MS) bucket.atMs = nowMs;
  }
}
