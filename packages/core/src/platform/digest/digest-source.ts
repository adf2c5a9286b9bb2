import type { Unknown } from '../../evidence.js';
import type { Fd } from '../../peer.js';

/** What tells one file from another, and one content from the next. */
export interface ContentIdentity {
  readonly dev: number | bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** The file that a peer's program runs from, as its platform gets at it. */
export interface DigestSource {
  /** Whom it counts against: the user of the peer, see `accountOf`. */
  readonly uid: number;
  /** As it was looked at. */
  readonly identity: ContentIdentity;
  /** Its times do not tell every write, or its numbers may be another file's tomorrow: read anew for each who asks, and not kept. */
  readonly fleeting?: boolean;
  /** Who asks meanwhile with the same word gets the same answer, though it is fleeting. */
  readonly sharedBy?: string;
  /** A descriptor of the content, which the cache closes. Called while the peer is pinned. */
  open(): Fd | Unknown;
  /** What the descriptor leads to, asked before and after it is read. */
  readonly identify: (file: Fd) => ContentIdentity | Unknown;
}

/** What is said of a file that was not the same before and after. */
export const CHANGED = 'the executable changed while it was read';

/** Same file, same content as far as the inode tells. */
export function sameContent(a: ContentIdentity, b: ContentIdentity): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}
