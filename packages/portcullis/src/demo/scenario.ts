import type { SelectorKey } from '@portcullis/core';
import type { Builder } from './build.js';
import type { Cgroups } from './cgroups.js';
import type { Clients } from './clients.js';
import type { Command } from './command.js';
import type { People } from './people.js';
import type { DemoPolicy } from './policy-file.js';
import type { Workspace } from './workspace.js';

/** What peers are made of. */
export interface Stage {
  readonly workspace: Workspace;
  readonly people: People;
  readonly clients: Clients;
  readonly builder: Builder;
  readonly cgroups: Cgroups;
  readonly policy: DemoPolicy;
  /** Everybody is admitted. */
  readonly observe: boolean;
}

/** What must come of it. */
export interface Expected {
  readonly decision: 'allow' | 'deny';
  /** One of these. Undefined: whatever a policy that is not the demo's gives. */
  readonly causes?: readonly string[];
  /** The determining rule. */
  readonly rule?: string;
  /** A key that the rule which came nearest failed by. */
  readonly differs?: SelectorKey;
}

/** A peer, ready to be started. */
export interface Plan {
  readonly command: Command;
  readonly uid: number;
  readonly expected: Expected;
  /** Between its start and its connection. @throws NotHere */
  readonly before?: (pid: number) => void;
  /** It is to be gone before anybody can look. */
  readonly gone?: true;
  /** What decided, where the record does not name it: the keys of a deny rule. */
  readonly tell?: readonly SelectorKey[];
}

/** One kind of peer. */
export interface Scenario {
  /** In a word: it asks the service for `/name`. */
  readonly name: string;
  /** For people. */
  readonly peer: string;
  /** @throws NotHere where it cannot be shown */
  readonly plan: () => Plan;
}

export const ADMITTED: Expected = { decision: 'allow', causes: ['rule'], rule: 'honest-client' };

/** No rule allowed; the nearest one failed by `differs`. */
export function unmatched(differs: SelectorKey): Expected {
  return { decision: 'deny', causes: ['default'], differs };
}

export function deniedBy(rule: string): Expected {
  return { decision: 'deny', causes: ['rule'], rule };
}
