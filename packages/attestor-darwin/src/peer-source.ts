import type { PeerRefusal, PeerSource } from '@portcullis/core';
import { unsupportedReason } from './capabilities.js';

/** Refuses every connection, whatever the descriptor: nothing here can say who is at the other end (I2). */
export class DarwinPeerSource implements PeerSource {
  readonly name = 'darwin';
  readonly #refusal: PeerRefusal;

  constructor(platform: NodeJS.Platform = process.platform) {
    this.#refusal = Object.freeze({ refused: 'unsupported-platform', detail: unsupportedReason(platform) });
  }

  open(): PeerRefusal {
    return this.#refusal;
  }
}
