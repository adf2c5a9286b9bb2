import { ABSENT, normaliseValues, unknown, type Attestor, type Finding, type Findings, type Peer, type SelectorDefinition, type SelectorKey } from '@portcullis/core';
import type { AcmeOptions } from './options.js';
import { readTable, type Table } from './table.js';

/** Every key that this package can establish, and what it is worth: policies are checked against it. */
export const ACME_SELECTORS: readonly SelectorDefinition[] = Object.freeze([
  { key: 'acme:label', value: { type: 'text' }, many: true, trust: 'derived', cost: 'socket', principal: true, summary: 'labels of the user, from the table', example: 'blue' },
]);

/** Establishes the labels of a peer's user. */
export class AcmeAttestor implements Attestor {
  readonly name = 'acme';
  readonly selectors = ACME_SELECTORS;
  readonly #file: string;
  #table: Table | undefined;

  constructor({ file }: AcmeOptions) {
    this.#file = file;
  }

  /** When a policy loads, and every minute: never while a peer waits. A throw at load refuses the policy, and later keeps the old table. */
  prepare(): readonly string[] {
    this.#table = readTable(this.#file);
    return [];
  }

  attest({ credentials }: Peer, wanted: ReadonlySet<SelectorKey>): Findings {
    return new Map([...wanted].map((key) => [key, this.#labels(credentials.uid)]));
  }

  #labels(uid: number): Finding {
    if (this.#table === undefined) return unknown('service-down', 'the table was never read'); // and never `absent`: nobody looked
    const labels = normaliseValues(this.#table.get(uid) ?? []);
    return labels.length === 0 ? ABSENT : { state: 'present', values: labels };
  }
}
