import { FEATURES } from '../dist/features.js';
import type { Said } from '../dist/job.js';
import { WHO, type Boot } from '../dist/matrix.js';
import type { Module } from '../dist/series.js';
import { versionOf } from '../dist/version.js';

const COUNTS = { passed: 3, failed: 0, skipped: 0, notRun: 0, tookMs: 1, failures: [], skips: [], neverAsked: [] };

/** A guest that says all that is declared of it, but for what `change` makes of it. */
export function bootOf(release: string, module: Module, change: (said: Said) => Said | undefined = (said) => said): Boot {
  const version = versionOf(release);
  const said: Said[] = [
    { kernel: release },
    ...WHO.flatMap((who) => FEATURES.flatMap(({ looks }) => looks.map(({ what, expected }) => ({ who, feature: what, value: expected({ version, module, who }) })))),
    ...WHO.flatMap((who) => ['attacks', 'probes'].map((part) => ({ who, part, counts: COUNTS }))),
    { done: true },
  ];
  return { release, version, module, said: said.flatMap((one) => change(one) ?? []) };
}
