import type { Fd, Finding, SelectorDefinition, TrustTier, Unknown } from '@portcullis/core';
import { accountOf, type ContentIdentity, type DigestCache, type DigestSource } from '@portcullis/core/platform';
import { SysFailure } from '../ffi/errno.js';
import { statFd } from '../ffi/statx.js';
import type { ProcessCache } from '../image/process-cache.js';
import { ProgramImage } from '../image/program-image.js';
import type { LinuxPeer } from '../peer.js';
import { unknownOf } from '../unknown-of.js';
import { tierOf } from './exe.js';
import { constant, type Into, type Probe } from './probe.js';

const KEY = 'unix:sha256';

const selectors: readonly SelectorDefinition[] = [
  { key: KEY, many: false, trust: 'image', cost: 'digest', program: true, value: { type: 'digest', length: 64 }, summary: "SHA-256 of the executable's content", example: '3f0c'.repeat(16) },
];

/** The digest of the file behind the exe link, read through the pinned process, whatever its path says. */
export function sha256(processes: ProcessCache, digests: DigestCache): Probe {
  return {
    selectors,
    ask(peer: LinuxPeer, _keys, into: Into, signal?: AbortSignal) {
      const image = processes.image(peer);
      if (!(image instanceof ProgramImage)) {
        into.set(KEY, image);
        return undefined;
      }
      const tier = tierOf(image);
      if (typeof tier !== 'string') {
        into.set(KEY, tier);
        return undefined;
      }
      const made = known.get(image);
      if (made?.tier === tier) {
        into.set(KEY, made.finding);
        return undefined;
      }
      const lasts = image.contentLasts();
      const shared = lasts === 'process' ? { sharedBy: image.serial } : {};
      const digest = digests.digest({ ...sourceOf(peer, image), fleeting: lasts !== 'numbers', ...shared }, signal);
      if (!(digest instanceof Promise)) {
        into.set(KEY, keep(image, digest, tier));
        return undefined;
      }
      peer.procFolder(); // what is learnt later is verified again
      return digest.then((late) => {
        into.set(KEY, lasts === 'process' ? keep(image, late, tier) : withTier(late, tier));
      });
    },
  };
}

/** The content behind the exe link of the pinned process. */
function sourceOf(peer: LinuxPeer, image: ProgramImage): DigestSource {
  return { uid: accountOf(peer.credentials.uid), identity: image.exe, open: () => image.openContent(peer), identify };
}

function identify(file: Fd): ContentIdentity | Unknown {
  const now = statFd(file);
  return now instanceof SysFailure ? unknownOf(now) : now;
}

function withTier(digest: Finding, tier: TrustTier): Finding {
  return digest.state === 'present' ? { ...digest, tier } : digest;
}

/** Digests that the cache keeps, or that were read for this image, by what they are worth: one that connects again has its finding made. */
const known = new WeakMap<ProgramImage, { readonly tier: TrustTier; readonly finding: Finding }>();

function keep(image: ProgramImage, digest: Finding, tier: TrustTier): Finding {
  const hex = digest.state === 'present' ? digest.values[0] : undefined;
  if (hex === undefined) return digest;
  const finding = constant(hex, tier);
  known.set(image, { tier, finding });
  return finding;
}
