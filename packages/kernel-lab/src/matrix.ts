import { FEATURES, type Feature, type Look } from './features.js';
import type { Counts, Said, Who } from './job.js';
import type { Module } from './series.js';
import type { Version } from './version.js';

/** A column: one boot. */
export interface Boot {
  readonly release: string;
  readonly version: Version;
  readonly module: Module;
  readonly said: readonly Said[];
}

/** One look in one boot, of both users. */
export interface Cell {
  readonly seen: Readonly<Record<Who, string | undefined>>;
  readonly expected: Readonly<Record<Who, string>>;
}

export interface Row {
  readonly feature: Feature;
  readonly look: Look;
  /** One a boot. */
  readonly cells: readonly Cell[];
}

export const WHO: readonly Who[] = ['root', 'user'];

/** Every look at every feature, as declared and as seen. Pure. */
export function matrixOf(boots: readonly Boot[], features: readonly Feature[] = FEATURES): readonly Row[] {
  return features.flatMap((feature) => feature.looks.map((look) => ({ feature, look, cells: boots.map((boot) => cellOf(boot, look)) })));
}

function cellOf({ version, module, said }: Boot, look: Look): Cell {
  const both = <Value>(of: (who: Who) => Value): Readonly<Record<Who, Value>> => ({ root: of('root'), user: of('user') });
  return {
    seen: both((who) => valueIn(said, look.what, who)),
    expected: both((who) => look.expected({ version, module, who })),
  };
}

function valueIn(said: readonly Said[], what: string, who: Who): string | undefined {
  for (const one of said) if ('feature' in one && one.feature === what && one.who === who) return one.value;
  return undefined;
}

export function isAsExpected({ seen, expected }: Cell): boolean {
  return WHO.every((who) => seen[who] === expected[who]);
}

/** All that is wrong with a run, one line each; a guest that said less than it should is as wrong as one that says otherwise. */
export function problemsOf(boots: readonly Boot[], suite: boolean, features: readonly Feature[] = FEATURES): readonly string[] {
  const problems = boots.flatMap((boot) => problemsOfBoot(boot, suite, features).map((problem) => `${nameOf(boot)}: ${problem}`));
  const looked = boots.filter(({ said }) => said.some((one) => 'feature' in one)); // of a guest that saw nothing at all, that is said above
  for (const { feature, look, cells } of matrixOf(looked, features)) {
    cells.forEach(({ seen, expected }, at) => {
      for (const who of WHO) {
        if (seen[who] === expected[who]) continue;
        const boot = looked[at];
        problems.push(`${boot === undefined ? '' : nameOf(boot)}: ${feature.name}, ${look.what}, as ${who}: expected \`${expected[who]}\`, seen \`${seen[who] ?? 'nothing'}\``);
      }
    });
  }
  return problems;
}

/** `6.12 apparmor` */
export function nameOf({ version, module }: Boot): string {
  return `${version} ${module}`;
}

/** The counts of the tests that ran as one user, of one part or of all; undefined where none did. */
export function countsOf({ said }: Boot, who: Who, part?: string): Counts | undefined {
  const parts = said.flatMap((one) => ('counts' in one && one.who === who && (part === undefined || one.part === part) ? [one.counts] : []));
  return parts.length === 0 ? undefined : parts.reduce(together);
}

function together(one: Counts, other: Counts): Counts {
  return {
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    skipped: one.skipped + other.skipped,
    notRun: one.notRun + other.notRun,
    tookMs: one.tookMs + other.tookMs,
    failures: [...one.failures, ...other.failures],
    skips: [...one.skips, ...other.skips],
    neverAsked: one.neverAsked.filter((name) => other.neverAsked.includes(name)),
  };
}

function problemsOfBoot(boot: Boot, suite: boolean, features: readonly Feature[]): readonly string[] {
  const problems: string[] = [];
  const declared = new Set(features.flatMap(({ looks }) => looks.map(({ what }) => what)));
  for (const one of boot.said) {
    if ('failed' in one) problems.push(one.failed);
    if ('kernel' in one && one.kernel !== boot.release) problems.push(`the guest runs ${one.kernel}, not ${boot.release}`);
    if ('feature' in one && !declared.has(one.feature)) problems.push(`\`${one.feature}\` is looked at and not declared`);
  }
  if (!boot.said.some((one) => 'feature' in one)) problems.push('no feature was looked at');
  if (!boot.said.some((one) => 'done' in one)) problems.push('the guest did not come to its end');
  if (suite) for (const who of WHO) problems.push(...problemsOfCounts(countsOf(boot, who), who));
  return problems;
}

function problemsOfCounts(counts: Counts | undefined, who: Who): readonly string[] {
  if (counts === undefined) return [`no tests ran as ${who}`];
  const problems = counts.failures.map((title) => `as ${who}: failed: ${title}`);
  if (counts.passed === 0) problems.push(`as ${who}: no test passed`);
  if (counts.notRun > 0) problems.push(`as ${who}: ${String(counts.notRun)} tests not run`);
  for (const name of counts.neverAsked) problems.push(`as ${who}: no test asked for the feature \`${name}\``);
  return problems;
}
