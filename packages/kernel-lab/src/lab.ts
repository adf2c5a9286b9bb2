import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duration, whereItIs } from './progress.js';
import { testParts } from './guest-tree.js';
import { Initramfs } from './initramfs.js';
import { obtainKernel, type Kernel } from './kernel.js';
import { countsOf, WHO, type Boot } from './matrix.js';
import type { Options } from './options.js';
import { compilePolicies } from './policies.js';
import { testFeatures } from './features.js';
import { makeVerityDisk } from './verity-disk.js';
import { boot, type Booted } from './qemu.js';
import type { Module } from './series.js';

/** Tells a waiting reader what goes on. */
export type Progress = (line: string) => void;

/** Boots every kernel with every module that is asked for, one guest at a time; what the guests said. */
export async function bootAll(options: Options, progress: Progress): Promise<readonly Boot[]> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-lab-'));
  const clean = (): void => { rmSync(folder, { recursive: true, force: true }); };
  process.once('exit', clean);
  try {
    const peers = join(folder, 'peers');
    mkdirSync(peers);
    progress('compiling the policies and the programs of the tests');
    const initramfs = new Initramfs(peers, compilePolicies());
    const disk = makeVerityDisk(join(folder, 'disk'));
    const boots: Boot[] = [];
    for (const series of options.series) {
      progress(`${series.name}: asking ${series.suite} for its kernel`);
      const kernel = obtainKernel(series, options.cache);
      for (const module of series.modules) {
        boots.push(await bootOne({ kernel, module, initramfs, disk, folder }, options, progress));
      }
    }
    return boots;
  } finally {
    process.off('exit', clean);
    clean();
  }
}

/** So often a reader hears where a guest is. */
const TELL_MS = 60_000;

/** An emulated processor fails now and then; a guest that said something is never given another chance. */
const MOST_RETRIES = 2;

interface Machine {
  readonly kernel: Kernel;
  readonly module: Module;
  readonly initramfs: Initramfs;
  readonly disk: string;
  readonly folder: string;
}

async function bootOne({ kernel, module, initramfs, disk, folder }: Machine, { suite, tests, who, ownClock, limitMs, cache }: Options, progress: Progress): Promise<Boot> {
  const { release, version, image } = kernel;
  progress(`${release} with ${module}: booting${suite ? `, then the tests as ${who.join(' and as ')}` : ''}`);
  const startMs = performance.now();
  const path = join(folder, 'initramfs');
  const all = tests.length === 0;
  const parts = !suite ? [] : all ? testParts() : tests;
  initramfs.write(path, kernel, { module, parts, who, features: all ? testFeatures(version) : [] }); // a test that is left out asks for nothing
  const consoles = join(cache, 'consoles', `${version}-${module}`);
  mkdirSync(consoles, { recursive: true });
  const told = setInterval(() => { progress(`${release} with ${module}: ${duration(performance.now() - startMs)}; ${whereItIs(consoles)}`); }, TELL_MS);
  let booted: Booted;
  try {
    booted = await boot({ image, initramfs: path, module, folder: consoles, disk, ownClock, limitMs });
    for (let again = 1; again <= MOST_RETRIES && booted.said.length === 0 && !booted.timedOut; again += 1) {
      progress(`${release} with ${module}: died before it said anything; booting again`);
      booted = await boot({ image, initramfs: path, module, folder: consoles, disk, ownClock, limitMs });
    }
  } finally {
    clearInterval(told);
  }
  const result: Boot = { release, version, module, said: booted.said };
  progress(`${release} with ${module}: ${summary(result, booted, consoles)} (${duration(performance.now() - startMs)})`);
  return result;
}

/** What a reader wants to know at once, and where there is more. */
function summary(result: Boot, { said, timedOut }: Booted, consoles: string): string {
  if (timedOut) return `stopped: it took too long; \`${consoles}\` has its console`;
  const counts = WHO.map((who) => countsOf(result, who));
  const wrong = said.some((one) => 'failed' in one) || !said.some((one) => 'done' in one) || counts.some((one) => (one?.failed ?? 0) > 0);
  const counted = WHO.flatMap((who, at) => {
    const one = counts[at];
    return one === undefined ? [] : [`as ${who} ${String(one.passed)} passed, ${String(one.failed)} failed, ${String(one.skipped)} skipped`];
  });
  return ['booted', ...counted, ...(wrong ? [`\`${consoles}\` has its console`] : [])].join('; ');
}
