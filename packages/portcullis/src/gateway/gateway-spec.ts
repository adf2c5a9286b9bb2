import type { ListenException, RefusalStyle, SelectorKey } from '@portcullis/core';
import type { Upstream } from './upstream.js';

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
  /** How long live connections may go on after the gateway was asked to stop. */
  readonly drainMs?: number;
  /** Whether rules may name listeners of this gateway only. A single listener shares its policy with others. */
  readonly closed?: boolean;
}
