import type { Attestor, GateOptions, Policy } from '@portcullis/core';
import type { PolicyReload } from '../reload/policy-reloader.js';
import type { Platform, PlatformOptions } from './platform.js';
import type { Plugin } from './parts.js';

type CoreOptions = Omit<GateOptions, 'policy' | 'candidate' | 'peerSource' | 'attestors' | 'listenPort' | 'handoffPort' | 'sharedAttestors'>;

/** What a gate is made from: a policy, and whatever should be other than usual. */
export interface GateSettings extends CoreOptions, PlatformOptions {
  /** The path of a policy file, or a policy that was compiled already. */
  readonly policy: string | Policy;
  /** A policy that is asked after the one in force, and refuses nobody. A path is followed as that of the policy is. */
  readonly candidate?: string | Policy;
  /** With a path: follow changes of the file and of all that it includes. */
  readonly watch?: boolean;
  /** With a path: files of `kind: PolicyTest` that have to hold before it takes effect, at start and whenever it changes. */
  readonly tests?: readonly string[];
  /** With a path: an absolute path where the policy that took effect is kept, to go on with where the next start finds a broken one. */
  readonly lastGood?: string;
  /** Hears of every reload; a rejected one left the old policy in force. */
  readonly onReload?: (reload: PolicyReload) => void;
  /** With a path: bytes of one policy file at most, 32 MiB without it; a compiled one may have four times as many. */
  readonly maxPolicyBytes?: number;
  /** With a path: how long reading a large policy again may take, its tests included, 5 minutes without it. Then the one before it stays. */
  readonly policyDeadlineMs?: number;
  /** With a path: the listeners that rules may name. Undefined: any. */
  readonly knownListeners?: Iterable<string>;
  /** Attestors beside the platform's. The gate closes them with itself. */
  readonly attestors?: readonly Attestor[];
  /** Further registrations, each a plugin's `register`. */
  readonly plugins?: readonly Plugin[];
  /** Another platform than this process's. */
  readonly platform?: Platform;
}
