import { escapeJson } from '@portcullis/core';
import { Completions, loadPolicy, replayRecord, ReplayReport, requirePolicy } from '@portcullis/policy';
import type { Command } from 'commander';
import { platformCatalogue } from '../../compose/platform.js';
import { plural } from '../../plural.js';
import { readDecisions } from '../../replay/decision-log.js';
import { LogLines } from '../../replay/log-lines.js';
import { Progress } from '../../replay/progress.js';
import { formatReplay, type ReplayResult } from '../../replay/text-report.js';
import { limitsOf } from '../../limits.js';
import { colorsFor } from '../colors.js';
import { EXIT, print } from '../exit.js';
import { examples, oneOf } from '../help.js';
import { MAX_BYTES } from '../parse-bytes.js';
import { addPluginOptions, chosenPlugins, type PluginChoice } from '../plugin-options.js';

interface ReplayOptions extends PluginChoice {
  readonly policy: string;
  readonly listener?: readonly string[];
  readonly json?: true;
  readonly maxBytes?: number;
  readonly platform?: string;
}

/** `portcullis replay`: what would another policy have made of yesterday's connections? */
export function addReplay(program: Command, done: (code: number) => void): void {
  addPluginOptions(program.command('replay')
    .summary('decide recorded connections again, under another policy')
    .description('Decides every connection of a log again, on the evidence, the time and the listener that were recorded, and shows what would change. What the record does not tell (keys that nobody asked for, masked values) leaves a decision undetermined where it matters. Exits 0 when every decision stays as it was, 1 when one changes, cannot be told or cannot be read, 2 when it was called wrongly.')
    .argument('<log>', 'what `portcullis serve` wrote, - for stdin')
    .requiredOption('-p, --policy <file>', 'the policy to try')
    .option('--listener <name...>', 'only connections of these listeners')
    .option(...MAX_BYTES)
    .option('--json', 'for machines')
    .option('--platform <name>', 'a log of another platform than this one: linux or darwin', oneOf('linux', 'darwin')))
    .addHelpText('after', examples(
      ['what would the new policy change?', 'portcullis replay --policy next.yaml decisions.ndjson'],
      ['who would be locked out?', "portcullis replay -p next.yaml decisions.ndjson --json | jq '.groups[] | select(.change == \"refuses\") | .peers[]'"],
      ['why, rule by rule, for the connection of line 17', 'sed -n 17p decisions.ndjson | portcullis explain -p next.yaml --record -'],
    ))
    .action(async (log: string, options: ReplayOptions) => { done(await replay(log, options)); });
}

async function replay(from: string, { policy: path, listener, json, platform, ...choice }: ReplayOptions): Promise<number> {
  const catalogue = await platformCatalogue(platform, await chosenPlugins(choice));
  const policy = requirePolicy(loadPolicy(path, { catalogue, ...limitsOf(choice) }));
  const completions = new Completions(policy);
  const report = new ReplayReport();
  const lines = new LogLines(from);
  const progress = new Progress(process.stderr, 'replay');
  const log = await readDecisions(lines, catalogue, (record, line) => { report.add(record, replayRecord(record, completions), line); }, {
    ...(listener && { listeners: new Set(listener) }),
    progress: (decisions) => { progress.show(lines.size === undefined ? undefined : lines.bytesRead / Math.max(lines.size, 1), plural(decisions, 'decision')); },
  }).finally(() => { progress.end(); });
  const { counts, groups, ungrouped } = report;
  const result: ReplayResult = { policy: { name: policy.name, revision: policy.revision }, log, counts, groups, ungrouped };
  const ok = counts.same + counts.beside === log.decisions && log.unreadable === 0;
  print(json === true ? escapeJson(JSON.stringify({ ok, ...result })) : formatReplay(result, colorsFor(process.stdout)));
  return ok ? EXIT.ok : EXIT.failed;
}
