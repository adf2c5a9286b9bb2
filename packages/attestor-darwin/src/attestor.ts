import { unknown, type Attestor, type Findings, type Peer, type SelectorKey } from '@portcullis/core';
import { unsupportedReason } from './capabilities.js';
import { DARWIN_SELECTORS } from './selectors.js';

/** Answers every wanted key as unknown: what could not be looked at is never read as absent (I4). */
export class DarwinAttestor implements Attestor {
  readonly name = 'darwin';
  readonly selectors = DARWIN_SELECTORS;
  readonly #detail: string;

  constructor(platform: NodeJS.Platform = process.platform) {
    this.#detail = unsupportedReason(platform);
  }

  attest(_peer: Peer, wanted: ReadonlySet<SelectorKey>): Findings {
    const finding = unknown('kernel-unsupported', this.#detail);
    return new Map(Array.from(wanted, (key) => [key, finding]));
  }
}
