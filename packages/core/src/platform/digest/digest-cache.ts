import { closeSync } from 'node:fs';
import { unknown, type Finding, type Unknown } from '../../evidence.js';
import { DigestBudget } from './digest-budget.js';
import { DigestFlight } from './digest-flight.js';
import { CHANGED, sameContent, type ContentIdentity, type DigestSource } from './digest-source.js';
import { DigestQueue } from './digest-queue.js';
import { DigestWorker } from './digest-worker.js';

export interface DigestOptions {
  /** A larger executable is not read: its digest is unknown, `limit`. Default 1 GiB. */
  readonly mostBytes?: number;
  /** How many digests are kept. Default 4096. */
  readonly mostKept?: number;
  /** How many files are open at once, read or waiting to be: the digest of a further one is unknown, `limit`. Default 64. */
  readonly mostOpen?: number;
  /** How many of them for the peers of one user. Default 8. */
  readonly mostOpenPerUid?: number;
  /** How many bytes wait to be read at once, for all. A further file's digest is unknown, `limit`. Default 16 GiB. */
  readonly mostBytesOpen?: number;
  /** How many bytes are read in a minute for the peers of one user, beyond which likewise. Default 8 GiB. */
  readonly mostBytesPerUid?: number;
}

/** A file system's clock may tick as slowly as this: within one tick a second write leaves no trace in the times. */
const TICK_MS = 2000;
/** One that has fractions of a second does so within this: its clock is the kernel's, of a tick of 10 ms at most (CONFIG_HZ=100). */
const FINE_TICK_MS = 100;
const SECOND_NS = 1_000_000_000n;
const GIB = 2 ** 30;

/**
 * SHA-256 of executables: kept by device, inode, size and both times, one flight a file, read on a worker thread (T17). Of a
 * file whose times do not tell every write, each who asks has it read anew.
 * A file that changed while it was read has no digest. Flights are bounded, so are the bytes of each user, users take
 * turns, and what nobody waits for any more is not read (T20).
 */
export class DigestCache {
  readonly #mostBytes: bigint;
  readonly #mostKept: number;
  readonly #mostOpen: number;
  readonly #mostOpenPerUid: number;
  readonly #mostBytesOpen: bigint;
  readonly #kept = new Map<string, Finding>();
  /** Those that can be joined. */
  readonly #flights = new Map<string, DigestFlight>();
  readonly #queue = new DigestQueue<DigestFlight>();
  readonly #worker = new DigestWorker();
  #running: DigestFlight | undefined;
  /** Every flight that holds a descriptor: also one that was told to stop and has not yet. */
  #open = 0;
  readonly #openOf = new Map<number, number>();
  #openBytes = 0n;
  #once = 0;
  readonly #budget: DigestBudget;
  #closed = false;

  constructor(options: DigestOptions = {}) {
    this.#mostBytes = BigInt(options.mostBytes ?? GIB);
    this.#mostKept = options.mostKept ?? 4096;
    this.#mostOpen = options.mostOpen ?? 64;
    this.#mostOpenPerUid = options.mostOpenPerUid ?? 8;
    this.#mostBytesOpen = BigInt(options.mostBytesOpen ?? 16 * GIB);
    this.#budget = new DigestBudget(options.mostBytesPerUid ?? 8 * GIB);
  }

  /** The digest of an executable: at once where it is known, else a promise that never rejects. */
  digest(source: DigestSource, signal?: AbortSignal): Finding | Promise<Finding> {
    // Who runs it after another write does not join who ran it before.
    const fleeting = source.fleeting === true || !isSettled(source.identity, Date.now(), fineTick(source.identity));
    const key = fleeting ? this.#fleetingKey(source) : identityKey(source.identity);
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    if (signal?.aborted === true) return unknown('timeout', 'nobody waits for the digest');
    const { uid } = source;
    const joined = this.#flights.get(key);
    const flight = joined ?? this.#begin({ ...source, fleeting }, key);
    if (!(flight instanceof DigestFlight)) return flight;
    const answer = flight.join(uid, signal, () => { this.#left(flight, uid); });
    // Also one that another user asked for first: who joins need not wait for that user's turn.
    if (flight !== this.#running) this.#queue.add(uid, flight);
    if (joined === undefined) this.#next();
    return answer;
  }

  /** Whoever still waits is answered. */
  async close(): Promise<void> {
    this.#closed = true;
    for (let flight = this.#queue.take(); flight !== undefined; flight = this.#queue.take()) this.#end(flight, CLOSED);
    await this.#worker.close();
  }

  /** No file's numbers: nobody else has it, or who shares its reading. */
  #fleetingKey({ sharedBy }: DigestSource): string {
    return sharedBy === undefined ? `once ${String(this.#once += 1)}` : `shared ${sharedBy}`;
  }

  /** Opens the file, while the peer is pinned. */
  #begin(source: DigestSource, key: string): DigestFlight | Unknown {
    const { uid, identity } = source;
    if (this.#closed) return CLOSED;
    const full = this.#whyFull(source);
    if (full !== undefined) return unknown('limit', full);
    const file = source.open();
    if (typeof file !== 'number') return file;
    const flight = new DigestFlight(key, file, source);
    // Before others can join: they run the file that the key tells of.
    const other = whyOther(flight, 'the exe link led to another file when it was opened');
    if (other !== undefined) {
      closeSync(file);
      return other;
    }
    if (!this.#budget.take(uid, Number(identity.size), performance.now())) {
      closeSync(file);
      return unknown('limit', 'as many bytes as one user may have read in a minute');
    }
    this.#open += 1;
    this.#openBytes += identity.size;
    this.#openOf.set(uid, (this.#openOf.get(uid) ?? 0) + 1);
    this.#flights.set(key, flight);
    return flight;
  }

  #whyFull({ uid, identity: { size } }: DigestSource): string | undefined {
    if (size > this.#mostBytes) return `the executable has ${String(size)} bytes`;
    const openOf = this.#openOf.get(uid) ?? 0;
    if (openOf >= this.#mostOpenPerUid) return `${String(openOf)} other executables of this user wait for their digests`;
    if (this.#open >= this.#mostOpen) return `${String(this.#open)} other executables wait for their digests`;
    return this.#openBytes + size > this.#mostBytesOpen ? `${String(this.#openBytes)} bytes of other executables wait for their digests` : undefined;
  }

  /** Somebody waits no longer: a flight that nobody waits for ends. */
  #left(flight: DigestFlight, uid: number): void {
    if (!flight.isAwaitedBy(uid)) this.#queue.remove(uid, flight);
    if (flight.isAwaited) return;
    if (flight === this.#running) {
      this.#forget(flight); // whoever asks from now on begins anew
      this.#worker.stop();
    } else {
      this.#budget.giveBack(flight.uid, Number(flight.identity.size), performance.now());
      this.#end(flight, ABANDONED);
    }
  }

  /** Reads the next file, unless one is being read. */
  #next(): void {
    if (this.#running !== undefined) return;
    const flight = (this.#running = this.#queue.take());
    if (flight === undefined) return;
    void this.#read(flight).then((finding) => {
      this.#running = undefined;
      this.#end(flight, finding);
      this.#next();
    });
  }

  #end(flight: DigestFlight, finding: Finding): void {
    this.#forget(flight);
    closeSync(flight.file);
    this.#open -= 1;
    this.#openBytes -= flight.identity.size;
    const openOf = (this.#openOf.get(flight.uid) ?? 0) - 1;
    if (openOf > 0) this.#openOf.set(flight.uid, openOf);
    else this.#openOf.delete(flight.uid);
    flight.answer(finding);
  }

  #forget(flight: DigestFlight): void {
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key);
  }

  /** Never rejects. */
  async #read(flight: DigestFlight): Promise<Finding> {
    const { file, key, identity } = flight;
    const beganMs = Date.now();
    const before = whyOther(flight, 'the executable changed before it was read');
    if (before !== undefined) return before;
    const hex = await this.#worker.sha256(file, Number(identity.size));
    if (typeof hex !== 'string') return hex;
    // After the last read: a file that was written meanwhile has no one digest.
    const after = whyOther(flight, CHANGED);
    if (after !== undefined) return after;
    const finding: Finding = { state: 'present', values: [hex] };
    // Written so lately that another write could leave the same times: true of what was read, but not to be kept.
    if (flight.fleeting || !isSettled(identity, beganMs, TICK_MS)) return finding;
    if (this.#kept.size >= this.#mostKept) this.#kept.delete(this.#kept.keys().next().value ?? '');
    this.#kept.set(key, finding);
    return finding;
  }
}

/** Whether another write would leave other times. */
function isSettled({ ctimeNs }: ContentIdentity, nowMs: number, tickMs: number): boolean {
  return nowMs - Number(ctimeNs / 1_000_000n) >= tickMs;
}

function fineTick({ ctimeNs }: ContentIdentity): number {
  return ctimeNs % SECOND_NS === 0n ? TICK_MS : FINE_TICK_MS;
}

const CLOSED = unknown('system-error', 'the attestor is closed');
const ABANDONED = unknown('timeout', 'nobody waits for the digest any more');

/** Why the open file is not the one that was looked at, as it was; undefined when it is. */
function whyOther({ file, identity, identify }: DigestFlight, changed: string): Unknown | undefined {
  const now = identify(file);
  if ('why' in now) return now;
  return sameContent(now, identity) ? undefined : unknown('peer-changed', changed);
}

function identityKey({ dev, ino, size, mtimeNs, ctimeNs }: ContentIdentity): string {
  return `${String(dev)}:${String(ino)}:${String(size)}:${String(mtimeNs)}:${String(ctimeNs)}`;
}
