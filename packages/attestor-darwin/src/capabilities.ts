import type { SelectorKey } from '@portcullis/core';
import { DARWIN_SELECTORS } from './selectors.js';

/** What this package can do on the host it runs on. `doctor` prints it; a gate says it at start (I4). */
export interface Capabilities {
  readonly platform: NodeJS.Platform;
  readonly supported: boolean;
  /** Why not, in one sentence without a full stop; undefined where it is supported. */
  readonly reason?: string;
  /** The keys that cannot be established here, each of which will be answered as unknown. */
  readonly unsupported: readonly SelectorKey[];
}

/** Unsupported everywhere, macOS included: there the layouts are ready and the system calls are not built yet. */
export function capabilities(platform: NodeJS.Platform = process.platform): Capabilities {
  return Object.freeze({
    platform,
    supported: false,
    reason: unsupportedReason(platform),
    unsupported: Object.freeze(DARWIN_SELECTORS.map((definition) => definition.key)),
  });
}

/** Said in every refusal, finding and report of this package. */
export function unsupportedReason(platform: NodeJS.Platform): string {
  return platform === 'darwin'
    ? 'attestation on macOS is not built yet: no peer can be opened'
    : `@portcullis/attestor-darwin attests on macOS only, and this is ${platform}`;
}
