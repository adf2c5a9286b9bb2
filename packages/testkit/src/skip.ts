import type { Context, Runnable } from 'mocha';

/** The environment variable that names the features which a run must have: `peerpidfd,root,gcc`. */
export const EXPECT_VARIABLE = 'PORTCULLIS_EXPECT';

/** Where skips leave their traces for the reporter (`scripts/mocha/reporter.mjs`), which shares no module with the tests. */
export const RECORD = Symbol.for('portcullis.testkit');

export interface SkipRecord {
  /** Why a test, or every test of a suite, was skipped. Keyed by mocha's own `Test` or `Suite`. */
  readonly reasons: WeakMap<object, string>;
  /** Every feature that a test asked for: what is expected and not in here was expected by a wrong name. */
  readonly asked: Set<string>;
}

/** The one record of this process. */
export function skipRecord(): SkipRecord {
  const holder = globalThis as { [RECORD]?: SkipRecord | undefined };
  return (holder[RECORD] ??= { reasons: new WeakMap(), asked: new Set() });
}

/** The features that this run must have. */
export function expectedFeatures(env: NodeJS.ProcessEnv = process.env): ReadonlySet<string> {
  const names = (env[EXPECT_VARIABLE] ?? '').split(',').map((name) => name.trim());
  return new Set(names.filter((name) => name !== ''));
}

/**
 * Skips the running test and prints `reason` at the end of the run. In a `before` hook it skips the suite, in a
 * `beforeEach` hook the test that would follow.
 */
export function skip(ctx: Context, reason: string): never {
  if (reason === '') throw new TypeError('a skip without a reason');
  skipRecord().reasons.set(skippedBy(ctx), reason);
  return ctx.skip();
}

/** Skips the running test unless `condition` holds. */
export function skipUnless(ctx: Context, condition: boolean, reason: string): asserts condition {
  if (!condition) skip(ctx, reason);
}

/**
 * Skips the running test unless `condition` holds, and fails it instead where `PORTCULLIS_EXPECT` names `feature`: a
 * run that should have had it must not pass for want of it.
 */
export function requireFeature(
  ctx: Context,
  feature: string,
  condition: boolean,
  reason: string,
): asserts condition {
  if (!/^[a-z][a-z0-9-]*$/.test(feature)) throw new TypeError(`\`${feature}\` is not a feature name`);
  skipRecord().asked.add(feature);
  if (condition) return;
  if (expectedFeatures().has(feature)) {
    throw new Error(`${EXPECT_VARIABLE} names \`${feature}\`, and this run has it not: ${reason}`);
  }
  skip(ctx, `${feature}: ${reason}`);
}

/** What mocha will mark as pending: the test at hand, the test that a `beforeEach` precedes, or a `before`'s suite. */
function skippedBy(ctx: Context): object {
  const running: Runnable | undefined = ctx.test;
  if (running === undefined) throw new TypeError('skip() outside a running test: pass the `this` of a `function`');
  // mocha titles its hooks so itself; in a `before`, `currentTest` is merely the suite's first test
  if (running.title.startsWith('"before all" hook')) return running.parent ?? running;
  if (running.title.startsWith('"before each" hook')) return ctx.currentTest ?? running;
  return running;
}
