import type { Attestor } from '../attestor.js';
import type { Evidence } from '../evidence.js';
import type { Peer } from '../peer.js';
import type { SelectorKey } from '../selector.js';

/** One attestor, and a peer that it can look at. Made anew for each case. */
export interface ConformanceSubject {
  readonly attestor: Attestor;
  /**
   * Opens a peer that lives: of a real process where the attestor looks at processes, `fakePeerSource` of
   * `@portcullis/core/testing` where the credentials are all that it needs. Called several times in a case; the kit closes what it gets.
   */
  readonly open: () => Peer | Promise<Peer>;
  /**
   * Ends the process behind a peer that `open` gave, and resolves when it is gone. Needed where `kills` is set.
   */
  readonly kill?: (peer: Peer) => void | Promise<void>;
  /** What other attestors found of those peers, for the keys that this one `needs`: it is given that. What is not in it is absent. */
  readonly given?: Evidence;
  /** Kinds to ask families for: `env:HOME` of `env:*`. */
  readonly familyKeys?: readonly SelectorKey[];
}

export interface ConformanceOptions {
  /** Called before each case. */
  readonly setup: () => ConformanceSubject | Promise<ConformanceSubject>;
  /** Called after each case, and after the attestor was closed: removes what `setup` made. */
  readonly teardown?: (subject: ConformanceSubject) => void | Promise<void>;
  /** Whether `setup` gives a `kill`. The cases about dead peers are there only then: set it wherever you look at processes. */
  readonly kills?: boolean;
  /** How long one answer may take. 5000 unless told, which is what a gate gives. */
  readonly deadlineMs?: number;
  /** What of the process must be as it was after many admissions: descriptors and timers. Caches may hold this many more. 4 unless told. */
  readonly mayKeep?: number;
}
