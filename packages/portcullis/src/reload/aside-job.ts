import type { SelectorDefinition } from '@portcullis/core';
import type { LoadedPolicy, PolicyParcel } from '@portcullis/policy';

/** What the other thread is asked for. Plain data: it crosses over as a copy. */
export interface AsideJob {
  readonly path: string;
  readonly definitions: readonly SelectorDefinition[];
  readonly knownListeners?: readonly string[];
  readonly maxBytes?: number;
  readonly nowMs: number;
  /** Files of tests that have to hold. */
  readonly tests: readonly string[];
  /** Whether it is wanted in the form in which the last good policy is kept. */
  readonly keep: boolean;
}

/** Its first message. Each that is sent back is answered by a batch of rules. */
export interface AsideAnswer {
  readonly parcel: PolicyParcel;
  /** Why its tests do not let it take effect. */
  readonly why?: string;
  readonly bytes?: Uint8Array;
}

/** A policy that was read, checked and tested in another thread. */
export interface LoadedAside extends LoadedPolicy {
  readonly aside?: { readonly why?: string; readonly bytes?: Uint8Array };
}
