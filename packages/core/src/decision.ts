import type { SelectorKey, SelectorValue } from './selector.js';
import type { UnknownReason } from './evidence.js';
import type { Limit } from './limits/limit.js';

/** Why a decision came out as it did. Closed: dashboards count by it. */
export const CAUSES = [
  /** A rule decided: `rules` names it. */
  'rule',
  /** No rule allowed. */
  'default',
  /** A deny rule could not be excluded: a key it needs is unknown (I4). */
  'unknown-evidence',
  /** Only rules whose limit is exhausted would have allowed. */
  'limit',
  /** The admission deadline passed. */
  'deadline',
  /** The policy has run out. */
  'expired-policy',
  /** The peer source refused the socket or the peer before any policy was asked: `code` says why. */
  'peer-refused',
  /** The peer exited or changed while it was looked at, or its connection was closed: `code` says which. */
  'peer-lost',
  /** A cap of the gate: `code` says which. */
  'capacity',
  /** The gate is draining, or has ended its connections. */
  'closing',
  /** An attestor, the peer source or the policy threw. A defect is a refusal (I2). */
  'defect',
] as const;

export type Cause = (typeof CAUSES)[number];

/** What refused a connection before or beside the policy. */
export const REFUSAL_CODES = [
  /** The descriptor is missing or negative, or was closed. */
  'no-descriptor',
  /** Not an AF_UNIX socket (T14). */
  'socket-not-unix',
  /** Not a stream socket (T14). */
  'socket-not-stream',
  /** Not a TCP socket, before a gate that attests peers of loopback TCP. */
  'socket-not-tcp',
  /** Not connected (T14). */
  'socket-not-connected',
  /** Credentials that no process can have: uid 0xffffffff. */
  'credentials-invalid',
  /** An overflow id where this process's own id map is not the full identity (T13). */
  'credentials-overflow',
  /** Pid 0 without a working pidfd (T13). */
  'pid-invisible',
  /** The peer is this process (T15). */
  'self-connection',
  'peer-exited',
  'peer-changed',
  /** Nobody could see, in bounded time, whether it still runs the same program. */
  'peer-unseen',
  /** Bytes came after `socket:early-data` was 0, before the look at the program was over: it need not have sent them (T2, T3). */
  'early-data',
  /** The pin cannot be had on this kernel or for this peer. */
  'pin-failed',
  /** As many connections as the descriptor limit allows. */
  'descriptor-limit',
  /** As many pending admissions as the gate allows. */
  'pending-limit',
  /** As many pending admissions as one uid may have. */
  'pending-limit-uid',
  /** Connections of one uid come faster than the gate looks at them. */
  'rate-limit-uid',
  /** `reverify` of a connection that has closed. */
  'lease-ended',
  /** Of a server: its listener was made by a process that hands listeners on, or that is gone. */
  'listener-inherited',
  /** A message was longer than the receiver takes. */
  'message-truncated',
  /** What the kernel had to say of a message had no room, or no descriptor. */
  'control-truncated',
  /** Control data that are not control messages. */
  'control-invalid',
  /** A message without credentials. */
  'sender-unknown',
  /** A message came by a connection that another process made (T9). */
  'sender-not-connector',
  /** Others than root can send in the name of a message's sender, which lives in a pid namespace that a user made (T9, T10). */
  'sender-claimable',
  /** The ids of a message's sender are not one: it may write for its caller (T10). */
  'sender-set-id',
  /** A TCP connection from or to an address that is not a loopback one. */
  'address-not-loopback',
  /** The listening TCP socket belongs to another network namespace than ours, where nobody can be looked up. */
  'foreign-network',
  /** The client's end of a TCP connection is not in our network namespace. */
  'client-socket-missing',
  /** The client closed its end already, so that nobody holds it. */
  'client-socket-closed',
  /** The kernel did not answer who made the client's end, or not in a form that is known. */
  'sock-diag-failed',
  /** No process was seen to hold the client's end. */
  'holder-missing',
  /** Several processes hold the client's end: which of them speaks cannot be told. */
  'several-holders',
] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** A place in a policy file: lines and columns count from 1. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One condition that did not hold, of the rule that came nearest. */
export interface FailedCondition {
  readonly key: SelectorKey;
  /** As the policy spells it: `1000`, `glob /opt/*`, `range 1000-59999`, `not root`. Where the key is sensitive, without values: `glob ***`. */
  readonly expected: string;
  /** The values seen; empty when absent, unknown or not collected. Masked where the key is sensitive. */
  readonly observed: readonly SelectorValue[];
  readonly state: 'present' | 'absent' | 'unknown' | 'not-collected' | 'too-weak';
  readonly why?: UnknownReason;
  readonly place: SourcePlace;
}

/** The allow rule that failed by the fewest conditions. */
export interface NearestMiss {
  readonly rule: string;
  readonly place: SourcePlace;
  readonly failed: readonly FailedCondition[];
}

/** What a shadow rule would have changed. */
export interface ShadowResult {
  readonly rule: string;
  readonly effect: 'allow' | 'deny';
  readonly matched: 'true' | 'unknown';
}

/** JSON data: what a `grant` may hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
export type Grant = Readonly<Record<string, Json>>;

/** What an admitted connection's right to stay depends on: the policy words `lease` and `handoff`. */
export interface LeaseTerms {
  /** When the process that connected exits while another still holds its connection. */
  readonly onPeerExit: 'revoke' | 'ignore';
  /** When a look finds that the process runs another program image than was admitted. */
  readonly onExec: 'revoke' | 'ignore';
  /** Milliseconds between two such looks; where it is missing, `reverify()` looks on demand. */
  readonly reverifyMs?: number;
  /** Whatever another process than the one that connected sends ends the connection (T9). Missing: it may. */
  readonly handoff?: 'deny';
}

/** Frozen. `rules` are the determining ones: all allows that matched, or all denies that matched or could not be excluded. */
export interface Decision {
  readonly effect: 'allow' | 'deny';
  readonly cause: Cause;
  readonly code?: RefusalCode;
  readonly rules: readonly string[];
  /** The determining rule's `reason`, where it has one. */
  readonly reason?: string;
  readonly grant: Grant;
  /** Of an allow; `onPeerExit: revoke` and `onExec: ignore` where a policy says nothing. */
  readonly terms?: LeaseTerms;
  /** Of an allow: the limits of its rules, to be charged if it is carried out. */
  readonly limits?: readonly Limit[];
  /** Rules that would have allowed, and whose limit is exhausted: what of the limiter state the decision rested on (I6). */
  readonly exhausted?: readonly string[];
}
