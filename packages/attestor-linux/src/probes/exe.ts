import { ABSENT, unknown, type Finding, type SelectorDefinition, type SelectorKey, type TrustTier, type Unknown } from '@portcullis/core';
import type { ProcessCache } from '../image/process-cache.js';
import { ProgramImage } from '../image/program-image.js';
import type { LinuxPeer } from '../peer.js';
import { allUnknown, constant, Findings, undecodable, type Into, type Probe } from './probe.js';

const one = { many: false, cost: 'proc' } as const;

const selectors: readonly SelectorDefinition[] = [
  { ...one, key: 'unix:path', trust: 'image', program: true, value: { type: 'path' }, summary: 'path of the executable, where it leads from our root to the very file that runs', example: '/usr/bin/git' },
  { ...one, key: 'unix:exe-state', trust: 'image', program: true, value: { type: 'enum', values: ['linked', 'deleted', 'memfd', 'replaced', 'elsewhere'] }, summary: 'what kind of file the program runs from', example: 'linked' },
  { ...one, key: 'unix:image', trust: 'kernel-live', program: true, value: { type: 'enum', values: ['verified', 'jit', 'foreign'] }, summary: 'what the executable mappings say: only trusted files, also anonymous code, or also files that others may write', example: 'verified' },
  { ...one, key: 'container:exe-path', trust: 'image', program: true, value: { type: 'path' }, summary: 'path of the executable in its own mount namespace, of a peer in another one than ours', example: '/app/server' },
];

/** The exe link, the file behind it, and what the mappings say of both (T4, T5, T6). */
export function exe(processes: ProcessCache): Probe {
  return {
    selectors,
    ask(peer: LinuxPeer, keys, into: Into) {
      const image = processes.image(peer);
      if (!(image instanceof ProgramImage)) {
        allUnknown(keys, image, into);
        return undefined;
      }
      for (const key of keys) into.set(key, findingOf(key, image));
      return undefined;
    },
  };
}

const words = new Findings<string>((word) => constant(word));

function findingOf(key: SelectorKey, image: ProgramImage): Finding {
  switch (key) {
    case 'unix:exe-state':
      return words.of(image.state);
    case 'unix:image': {
      const code = image.code();
      return 'why' in code ? code : words.of(code.exeMapped ? code.image : 'foreign');
    }
    case 'container:exe-path':
      return image.state === 'elsewhere' ? pathFinding(image) : ABSENT;
    default:
      return image.state === 'linked' ? pathFinding(image) : ABSENT;
  }
}

/** The path of an image by what it is worth; an image that connects again has it made. */
const paths = new WeakMap<ProgramImage, { readonly tier: TrustTier; readonly finding: Finding }>();

function pathFinding(image: ProgramImage): Finding {
  const tier = tierOf(image);
  if (typeof tier !== 'string') return tier;
  const made = paths.get(image);
  if (made?.tier === tier) return made.finding;
  const finding = image.linkText === undefined ? undecodable('the exe link') : constant(image.linkText, tier);
  paths.set(image, { tier, finding });
  return finding;
}

/** What path and digest of an image are worth; unknown where the exe is not what runs (T4). */
export function tierOf(image: ProgramImage): TrustTier | Unknown {
  const code = image.code();
  if ('why' in code) return code;
  if (!code.exeMapped) return unknown('foreign-code', 'the exe is not among the executable mappings');
  return code.image === 'verified' ? 'image' : 'image-unverified';
}
