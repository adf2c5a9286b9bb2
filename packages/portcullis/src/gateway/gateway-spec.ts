import type { ListenException, Rate, RefusalStyle, SelectorKey } from '@portcullis/core';
import type { Plugin } from '../compose/parts.js';
import type { Upstream } from './upstream.js';

/** A GiB: what a limit of files may be set to. */
export const MOST_POLICY_BYTES = 2 ** 30;

/** Where one listener of a gateway listens. */
export type ListenSpec =
  | { readonly path: string; readonly mode?: number; /** A name or an id. */ readonly group?: string; readonly exceptions?: readonly ListenException[] }
  /** A port of a loopback address; 0 is any free one. */
  | { readonly host: string; readonly port: number }
  | { readonly fd: number }
  | { readonly systemd: string };

/** One socket, the policy before it, and the upstream behind it. */
export interface ListenerSpec {
  readonly name: string;
  readonly listen: ListenSpec;
  readonly upstream: Upstream;
  /** Path of the policy file. */
  readonly policy: string;
  /** Path of a candidate policy. */
  readonly candidate?: string;
  /** Everyone is admitted, and what would have been decided only recorded. */
  readonly observe?: boolean;
  readonly ratePerUid?: Rate;
  /** Paths of test files that have to hold before it takes effect. */
  readonly tests?: readonly string[];
  /** Where the policy that took effect is kept, for a start beside a broken one. */
  readonly lastGood?: string;
  /** Keys wanted in records. */
  readonly collect?: readonly SelectorKey[];
  readonly deadlineMs?: number;
  /** How long a live connection may stay that a new policy does not admit. */
  readonly policyGraceMs?: number;
  readonly refusal?: RefusalStyle;
  readonly self?: 'refuse' | 'allow';
}

/** A whole gateway: what `kind: Gateway` says. */
export interface GatewaySpec {
  readonly listeners: readonly ListenerSpec[];
  /** Further attestors, for all listeners. */
  readonly plugins?: readonly Plugin[];
  /** How long live connections may go on after the gateway was asked to stop. */
  readonly drainMs?: number;
  /** Bytes of one file of a policy at most; 32 MiB unless told. */
  readonly maxPolicyBytes?: number;
  /** How long reading a large policy again may take, its tests included; 5 minutes unless told. */
  readonly policyDeadlineMs?: number;
  /** Whether rules may name listeners of this gateway only. A single listener shares its policy with others. */
  readonly closed?: boolean;
}
