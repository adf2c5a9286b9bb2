import type { DecisionRecord, ListenException, RevocationRecord } from '@portcullis/core';
import type { PolicyFinding } from '@portcullis/policy';

interface Event<Name extends string> {
  readonly event: Name;
  /** RFC 3339, UTC. */
  readonly time: string;
}

interface ListenerEvent<Name extends string> extends Event<Name> {
  readonly listener: string;
}

/** A finding as a record carries it: no code frame. */
export type RecordedFinding = Pick<PolicyFinding, 'code' | 'severity' | 'message'> & { readonly at: string };

/** A warning of a policy, with its code and place; or an attestor's, which has neither. */
export interface RecordedWarning {
  readonly code?: string;
  readonly message: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** Connections are accepted from now on. */
export interface ListeningEvent extends ListenerEvent<'listening'> {
  readonly pid: number;
  /** The real path; undefined for a socket that was handed over. */
  readonly path?: string;
  /** `tcp:127.0.0.1:8080`; undefined for a Unix socket. */
  readonly address?: string;
  readonly mode?: string;
  /** Everyone is admitted on this listener. */
  readonly observe?: true;
  readonly upstream: string;
  readonly policy: { readonly name: string; readonly revision: string };
  readonly candidate?: { readonly name: string; readonly revision: string };
  /** Connections that the descriptor limit allows, of all listeners together. */
  readonly capacity?: number;
  /** What the safe listen had to be told to overlook. */
  readonly exceptions?: readonly ListenException[];
  readonly replacedStale?: true;
  readonly warnings?: readonly RecordedWarning[];
}

/** A policy was read again. `rejected`: the one that is named stays in force. */
export interface PolicyEvent extends ListenerEvent<'policy'> {
  /** It is the candidate beside the policy in force. */
  readonly candidate?: true;
  readonly outcome: 'loaded' | 'unchanged' | 'rejected';
  readonly trigger: string;
  readonly policy: string;
  readonly revision: string;
  readonly previous: string;
  /** When the policy in force took effect. */
  readonly since: string;
  /** How long this reload took. */
  readonly tookMs: number;
  /** How many there were, this one included, and how many of them were rejected. */
  readonly reloads: number;
  readonly rejected: number;
  readonly findings?: readonly RecordedFinding[];
  readonly error?: string;
}

/** Live connections were decided anew by a policy that was loaded. */
export interface RecheckedEvent extends ListenerEvent<'rechecked'> {
  readonly policy: string;
  readonly revision: string;
  readonly kept: number;
  /** Each with a `revoked` record, after `graceMs`. */
  readonly denied: number;
  readonly graceMs: number;
}

/** An admitted connection that could not be passed on, or broke. */
export interface UpstreamEvent extends ListenerEvent<'upstream'> {
  readonly cause: 'connect' | 'upstream';
  readonly upstream: string;
  readonly error: string;
  readonly peer?: { readonly pid: number; readonly uid: number; readonly gid?: number };
}

/** Something beside a decision failed: what was refused stays refused. */
export interface FailureEvent extends ListenerEvent<'failure'> {
  readonly where: string;
  readonly error: string;
}

/** What a candidate policy would have decided otherwise, when the gateway stops. */
export interface DivergenceEvent extends ListenerEvent<'divergence'> {
  /** The candidate's revision. */
  readonly policy: string;
  readonly compared: number;
  readonly diverged: number;
}

export interface DrainingEvent extends Event<'draining'> {
  readonly live: number;
  readonly drainMs: number;
}

export interface StoppedEvent extends Event<'stopped'> {
  /** Connections that were ended before they were done. */
  readonly ended: number;
}

export type GatewayEvent = DecisionRecord | RevocationRecord | ListeningEvent | PolicyEvent | RecheckedEvent | UpstreamEvent | FailureEvent | DivergenceEvent | DrainingEvent | StoppedEvent;

/** Now, as records spell it. */
export function timeNow(): string {
  return new Date().toISOString();
}
