import { escapeText } from '@portcullis/core';

const DIGEST = /\b([0-9a-f]{10})[0-9a-f]{54}\b/g;
const MOST = 300;

/** Spells what peers said and what they are called: escaped, with digests cut and the demo's folder by its short name. */
export class Speller {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  spell(text: string): string {
    return escapeText(text, MOST).replaceAll(this.#folder, '<demo>').replaceAll(DIGEST, '$1…');
  }
}
