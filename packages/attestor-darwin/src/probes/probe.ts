import { unknown, type Finding, type SelectorDefinition, type SelectorKey, type TrustTier, type Unknown } from '@portcullis/core';
import type { DarwinPeer } from '../peer.js';

/** Findings as they are filled in. */
export type Into = Map<SelectorKey, Finding>;

/** One question to the kernel: the keys that its answer gives, and how to ask. */
export interface Probe {
  readonly selectors: readonly SelectorDefinition[];
  /**
   * Files a finding for every key of `keys`, which are its own and at least one. Called once a cost tier; returns a promise
   * only where the answer has to be waited for, until `signal` aborts.
   */
  ask(peer: DarwinPeer, keys: readonly SelectorKey[], into: Into, signal?: AbortSignal): Promise<void> | undefined;
}

/** The largest id: `(uid_t) -1`, as on Linux. */
export const MAX_U32 = 0xffff_ffff;

/** One answer for all keys: nothing could be looked at. */
export function allUnknown(keys: readonly SelectorKey[], answer: Unknown, into: Into): void {
  for (const key of keys) into.set(key, answer);
}

export function undecodable(what: string): Unknown {
  return unknown('undecodable', what);
}

/** One value, weakened to `tier` where one is given. */
export function present(value: string | number | boolean, tier?: TrustTier): Finding {
  return tier === undefined ? { state: 'present', values: [value] } : { state: 'present', values: [value], tier };
}
