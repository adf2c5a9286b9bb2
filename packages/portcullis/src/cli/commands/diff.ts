import { escapeJson, type Catalogue } from '@portcullis/core';
import { comparePolicies, formatEvidence, holdsWitness, loadPolicy, MAX_LOOKS, requirePolicy, type CompiledPolicy, type Difference, type LoadedPolicy } from '@portcullis/policy';
import type { Command } from 'commander';
import { platformCatalogue } from '../../compose/platform.js';
import { formatComparison } from '../../diff/text-report.js';
import { limitsOf } from '../../limits.js';
import { colorsFor } from '../colors.js';
import { EXIT, print } from '../exit.js';
import { examples, oneOf } from '../help.js';
import { countOf, momentOf } from '../parse-options.js';
import { MAX_BYTES } from '../parse-bytes.js';
import { addPluginOptions, chosenPlugins, type PluginChoice } from '../plugin-options.js';

interface DiffOptions extends PluginChoice {
  readonly json?: true;
  readonly maxLooks: number;
  readonly clock?: number;
  readonly platform?: string;
  readonly maxBytes?: number;
}

/** `portcullis diff`: whom does one policy admit, and the other not? */
export function addDiff(program: Command, done: (code: number) => void): void {
  addPluginOptions(program.command('diff')
    .summary('compare what two policies decide')
    .description('Compares what two policies enforce over every peer, listener and moment that they can tell apart: who is admitted more, who less, who is granted something else or kept on other terms, each with a peer that shows it. Exits 0 when no peer is decided differently, 1 when one is, or not everything could be compared, 2 when it was called wrongly.')
    .argument('<before>', 'a policy')
    .argument('<after>', 'the one that is to take its place')
    .option('--json', 'for machines')
    .option('--max-looks <number>', 'peers that are looked at at most', countOf, MAX_LOOKS)
    .option(...MAX_BYTES)
    .option('--clock <time>', 'the time that is tried first: 2026-11-23T09:00:00Z (default: now)', momentOf)
    .option('--platform <name>', 'with the keys of another platform than this one: linux or darwin', oneOf('linux', 'darwin')))
    .addHelpText('after', examples(
      ['before a change is put in force', 'portcullis diff policy.yaml next.yaml'],
      ['in continuous integration: may a refactoring change anything?', 'git show main:policy.yaml > before.yaml && portcullis diff before.yaml policy.yaml'],
      ['does it open anything?', "portcullis diff --json policy.yaml next.yaml | jq '.differences[] | select(.kind == \"admits-more\")'"],
    ))
    .action(async (before: string, after: string, options: DiffOptions) => { done(await diff(before, after, options)); });
}

async function diff(before: string, after: string, { json, maxLooks, clock, platform, ...choice }: DiffOptions): Promise<number> {
  const catalogue = await platformCatalogue(platform, await chosenPlugins(choice));
  const nowMs = clock ?? Date.now(); // of both: each ages from when it is loaded
  const [old, next] = requireBoth([before, after].map((path) => loadPolicy(path, { catalogue, nowMs, ...limitsOf(choice) })));
  const comparison = comparePolicies(old, next, nowMs, maxLooks);
  for (const difference of comparison.differences) {
    if (!holdsWitness(difference, old, next, catalogue)) throw new Error(`the witness of a difference is decided the same: ${formatEvidence(difference.peer, catalogue)}`);
  }
  if (json === true) print(escapeJson(JSON.stringify({ ...comparison, differences: comparison.differences.map((one) => asJson(one, catalogue)) })));
  else print(formatComparison(comparison, { path: after, platform }, catalogue, colorsFor(process.stdout)));
  return comparison.outcome === 'same' ? EXIT.ok : EXIT.failed;
}

/** Both, or an error that says all that is wrong with either. */
function requireBoth(loaded: readonly LoadedPolicy[]): readonly [CompiledPolicy, CompiledPolicy] {
  const wrong = loaded.filter(({ policy }) => policy === undefined);
  const [first] = wrong;
  if (first !== undefined) requirePolicy({ ...first, findings: wrong.flatMap(({ findings }) => findings), sources: new Map(wrong.flatMap(({ sources }) => [...sources])) });
  return loaded.map(requirePolicy) as [CompiledPolicy, CompiledPolicy];
}

function asJson({ kind, listener, listeners, nowMs, before, after, peer }: Difference, catalogue: Catalogue): object {
  return { kind, before, after, listeners, witness: { listener, clock: new Date(nowMs).toISOString(), evidence: formatEvidence(peer, catalogue) } };
}
