import { unknown, type Finding } from '../../evidence.js';
import type { Fd } from '../../peer.js';
import type { ContentIdentity, DigestSource } from './digest-source.js';

/** One who waits for a flight. */
interface Asker {
  readonly uid: number;
  readonly answer: (finding: Finding) => void;
}

/** The digest of one file, read once for all who ask meanwhile. The descriptor is this process's until the flight is over. */
export class DigestFlight {
  readonly key: string;
  readonly file: Fd;
  readonly identity: ContentIdentity;
  readonly identify: DigestSource['identify'];
  readonly fleeting: boolean;
  /** Whom the descriptor counts against: the user who asked first. */
  readonly uid: number;
  readonly #askers = new Set<Asker>();

  constructor(key: string, file: Fd, { identity, identify, uid, fleeting }: DigestSource) {
    this.key = key;
    this.file = file;
    this.identity = identity;
    this.identify = identify;
    this.fleeting = fleeting === true;
    this.uid = uid;
  }

  /** The answer, or `timeout` once `signal` aborts; then `left` is called. Never rejects, and leaves no listener behind. */
  join(uid: number, signal: AbortSignal | undefined, left: () => void): Promise<Finding> {
    return new Promise((resolve) => {
      const aborted = (): void => {
        this.#askers.delete(asker);
        resolve(unknown('timeout', 'nobody waits for the digest any more'));
        left();
      };
      const asker: Asker = {
        uid,
        answer: (finding) => {
          signal?.removeEventListener('abort', aborted);
          resolve(finding);
        },
      };
      this.#askers.add(asker);
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  get isAwaited(): boolean {
    return this.#askers.size > 0;
  }

  isAwaitedBy(uid: number): boolean {
    for (const asker of this.#askers) if (asker.uid === uid) return true;
    return false;
  }

  answer(finding: Finding): void {
    for (const asker of this.#askers) asker.answer(finding);
    this.#askers.clear();
  }
}
