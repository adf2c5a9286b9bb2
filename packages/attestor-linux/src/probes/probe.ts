import { unknown, type Finding, type SelectorDefinition, type SelectorKey, type TrustTier, type Unknown } from '@portcullis/core';
import type { LinuxPeer } from '../peer.js';

/** Findings as they are filled in. */
export type Into = Map<SelectorKey, Finding>;

/** One question to the kernel: the keys that its answer gives, and how to ask. */
export interface Probe {
  readonly selectors: readonly SelectorDefinition[];
  /**
   * Files a finding for every key of `keys`, which are its own and at least one. Called once a cost tier; returns a promise
   * only where the answer has to be waited for, until `signal` aborts.
   */
  ask(peer: LinuxPeer, keys: readonly SelectorKey[], into: Into, signal?: AbortSignal): Promise<void> | undefined;
}

/** One answer for all keys: nothing could be read. */
export function allUnknown(keys: readonly SelectorKey[], answer: Unknown, into: Into): void {
  for (const key of keys) into.set(key, answer);
}

export function undecodable(what: string): Unknown {
  return unknown('undecodable', what);
}

/** One value. */
export function present(value: string | number | boolean): Finding {
  return { state: 'present', values: [value] };
}

/** One value, as a finding that can be given again and again: the engine checks it once. */
export function constant(value: string | number | boolean, tier?: TrustTier): Finding {
  const values = Object.freeze([value]);
  return Object.freeze(tier === undefined ? { state: 'present', values } : { state: 'present', values, tier });
}

/** Findings by what they are of, made once each; starts anew when it is full, since peers choose what comes. */
export class Findings<Of> {
  readonly #make: (of: Of) => Finding;
  readonly #kept = new Map<Of, Finding>();

  constructor(make: (of: Of) => Finding) {
    this.#make = make;
  }

  of(one: Of): Finding {
    let finding = this.#kept.get(one);
    if (finding === undefined) {
      if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
      finding = this.#make(one);
      this.#kept.set(one, finding);
    }
    return finding;
  }
}

const MOST_KEPT = 4096;
