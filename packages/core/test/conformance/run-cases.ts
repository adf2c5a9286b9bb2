import { attestorConformance, type ConformanceOptions } from '../../dist/conformance/index.js';

/** Runs the kit without a test runner, and says which cases fail and why. */
export async function failures(options: ConformanceOptions): Promise<ReadonlyMap<string, Error>> {
  const cases: (readonly [title: string, run: () => Promise<void>])[] = [];
  attestorConformance({ describe: (_, define) => { define(); }, it: (title, run) => cases.push([title, run]) }, options);
  const failed = new Map<string, Error>();
  for (const [title, run] of cases) {
    await run().catch((error: unknown) => failed.set(title, error instanceof Error ? error : new Error(String(error))));
  }
  return failed;
}
