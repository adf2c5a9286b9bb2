import { DaemonFailure } from './failure.js';
import { beganAt } from './first-process.js';
import type { Inspection, Wish } from './inspect.js';

/** Containers that are remembered, and that may be asked for at once: each holds a connection (T20). */
const MOST_KEPT = 1024;
const MOST_AT_ONCE = 32;

interface Kept {
  readonly inspection: Inspection;
  readonly untilMs: number;
  readonly began: string;
}

/** One look that several peers may wait for; it ends when none does. */
interface Flight {
  readonly answer: Promise<Inspection>;
  readonly controller: AbortController;
  waiting: number;
}

type Look = (id: string, wish: Wish, signal: AbortSignal) => Promise<Inspection>;

/** One flight a container and wish, and what it found for a moment: the twin of a daemon that is asked for every connection. */
export class Looks {
  readonly #look: Look;
  readonly #cacheMs: number;
  readonly #kept = new Map<string, Kept>();
  readonly #flights = new Map<string, Flight>();

  constructor(look: Look, cacheMs: number) {
    this.#look = look;
    this.#cacheMs = cacheMs;
  }

  /** What is remembered of a container that was not started anew since. */
  known(id: string, wish: Wish): Inspection | undefined {
    const name = nameOf(id, wish);
    const kept = this.#kept.get(name);
    if (kept === undefined) return undefined;
    if (performance.now() < kept.untilMs && beganAt(kept.inspection.pid) === kept.began) return kept.inspection;
    this.#kept.delete(name);
    return undefined;
  }

  /** Joins the look that is under way, or begins one. @throws DaemonFailure, and what a look throws */
  async ask(id: string, wish: Wish, signal: AbortSignal): Promise<Inspection> {
    if (signal.aborted) throw tooLate();
    const name = nameOf(id, wish);
    const flight = this.#flights.get(name) ?? this.#begin(name, id, wish);
    flight.waiting += 1;
    let leave: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      leave = () => { reject(tooLate()); };
      signal.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([flight.answer, aborted]);
    } finally {
      if (leave !== undefined) signal.removeEventListener('abort', leave);
      flight.waiting -= 1;
      if (flight.waiting === 0) flight.controller.abort();
    }
  }

  /** Ends every look, and forgets. */
  close(): void {
    for (const { controller } of this.#flights.values()) controller.abort();
    this.#kept.clear();
  }

  #begin(name: string, id: string, wish: Wish): Flight {
    if (this.#flights.size >= MOST_AT_ONCE) throw new DaemonFailure('limit', `${String(MOST_AT_ONCE)} containers are being asked for already`);
    const controller = new AbortController();
    const answer = this.#look(id, wish, controller.signal).then((inspection) => {
      if (!controller.signal.aborted) this.#keep(name, inspection);
      return inspection;
    });
    const flight: Flight = { answer, controller, waiting: 0 };
    this.#flights.set(name, flight);
    const ended = (): void => { if (this.#flights.get(name) === flight) this.#flights.delete(name); };
    answer.then(ended, ended);
    // Who comes once nobody waits any more must not join what was given up.
    controller.signal.addEventListener('abort', ended, { once: true });
    return flight;
  }

  #keep(name: string, inspection: Inspection): void {
    const began = this.#cacheMs === 0 ? undefined : beganAt(inspection.pid);
    if (began === undefined) return;
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.delete(name);
    this.#kept.set(name, { inspection, began, untilMs: performance.now() + this.#cacheMs });
  }
}

function tooLate(): DaemonFailure {
  return new DaemonFailure('timeout', 'the daemon did not answer before the admission ended');
}

function nameOf(id: string, { environment, digests }: Wish): string {
  return `${id} ${String(environment)} ${String(digests)}`;
}
