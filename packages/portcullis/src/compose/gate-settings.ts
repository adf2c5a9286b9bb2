import type { Attestor, GateOptions, Policy } from '@portcullis/core';
import type { PolicyReload } from '../reload/policy-reloader.js';
import type { Platform, PlatformOptions } from './platform.js';
import type { Plugin } from './parts.js';

type CoreOptions = Omit<GateOptions, 'policy' | 'peerSource' | 'attestors' | 'listenPort' | 'handoffPort' | 'sharedAttestors'>;

/** What a gate is made from: a policy, and whatever should be other than usual. */
export interface GateSettings extends CoreOptions, PlatformOptions {
  /** The path of a policy file, or a policy that was compiled already. */
  readonly policy: string | Policy;
  /** With a path: follow changes of the file and of all that it includes. */
  readonly watch?: boolean;
  /** Hears of every reload; a rejected one left the old policy in force. */
  readonly onReload?: (reload: PolicyReload) => void;
  /** With a path: the listeners that rules may name. Undefined: any. */
  readonly knownListeners?: Iterable<string>;
  /** Attestors beside the platform's. The gate closes them with itself. */
  readonly attestors?: readonly Attestor[];
  /** Further registrations, each a plugin's `register`. */
  readonly plugins?: readonly Plugin[];
  /** Another platform than this process's. */
  readonly platform?: Platform;
}
