import { escapeJson, PortcullisError, type Catalogue } from '@portcullis/core';
import { explain, formatExplanation, formatFindings, loadPolicy, parseEvidence, requirePolicy } from '@portcullis/policy';
import type { Command } from 'commander';
import { platformCatalogue } from '../../compose/platform.js';
import { hasColor } from '../colors.js';
import { readOneRecord, type OneRecord } from '../../replay/one-record.js';
import { limitsOf } from '../../limits.js';
import { EXIT, print, UsageError } from '../exit.js';
import { examples, oneOf } from '../help.js';
import { momentOf } from '../parse-options.js';
import { readBounded } from '../read-bounded.js';
import { formatNearest } from '../format-nearest.js';
import { MAX_BYTES } from '../parse-bytes.js';
import { addPluginOptions, chosenPlugins, type PluginChoice } from '../plugin-options.js';

interface ExplainOptions extends PluginChoice {
  readonly policy: string;
  readonly evidence?: string;
  readonly record?: string;
  readonly listener?: string;
  readonly clock?: number;
  readonly platform?: string;
  readonly json?: true;
  readonly maxBytes?: number;
}

/** `portcullis explain`: the decision on evidence that somebody wrote down, rule by rule. */
export function addExplain(program: Command, done: (code: number) => void): void {
  addPluginOptions(program.command('explain')
    .summary('explain a decision, rule by rule')
    .description('Decides over evidence from a file, or over that of a recorded connection, and shows every rule with every condition: + holds, - does not, ? unknown. In the evidence (JSON or YAML) a key has a value, a list of values, or null for absent; a key that is not mentioned is unknown. Exits 0 when it could be explained, whatever the decision, 1 when policy or evidence cannot be used, 2 when it was called wrongly.')
    .requiredOption('-p, --policy <file>', 'the policy')
    .option('-e, --evidence <file>', 'the evidence, - for stdin')
    .option('--record <file>', 'in place of it, a `decision` record of a log, - for stdin: its evidence, listener and time')
    .option('--listener <name>', 'the listener that the connection came to (default: default, or the record\'s)')
    .option('--clock <time>', 'when it came: 2026-11-23T09:00:00Z (default: now, or the record\'s time)', momentOf)
    .option(...MAX_BYTES)
    .option('--json', 'for machines')
    .option('--platform <name>', 'with the keys of another platform than this one: linux or darwin', oneOf('linux', 'darwin')))
    .addHelpText('after', examples(
      ['may uid 1000 come in?', "echo '{\"unix:uid\": 1000}' | portcullis explain --policy policy.yaml --evidence -"],
      ['known to be untraced', "echo '{\"unix:uid\": 1000, \"linux:tracer\": null}' | portcullis explain -p policy.yaml -e - --listener docker"],
      ['on a Sunday night', 'portcullis explain -p policy.yaml -e evidence.yaml --clock 2026-11-22T23:00:00Z'],
      ['why was the last connection refused?', 'grep \'"decision":"deny"\' decisions.ndjson | tail -n 1 | portcullis explain -p policy.yaml --record -'],
    ))
    .action(async (options: ExplainOptions) => { done(await explainFile(options)); });
}

async function explainFile({ policy: path, evidence: from, record, listener, clock, json, platform, ...choice }: ExplainOptions): Promise<number> {
  if ((from === undefined) === (record === undefined)) throw new UsageError('give one of `--evidence` and `--record`; `portcullis explain --help` has examples');
  const catalogue = await platformCatalogue(platform, await chosenPlugins(choice));
  const policy = requirePolicy(loadPolicy(path, { catalogue, ...limitsOf(choice) }));
  const subject = record === undefined ? await evidenceOf(from ?? '-', catalogue) : readOneRecord(await readEvidence(record), catalogue);
  const { evidence, limits, beside } = subject;
  const context = { listener: listener ?? subject.listener, nowMs: clock ?? subject.nowMs, ...(limits && { limits }) };
  const explanation = explain(policy, evidence, context);
  const nearest = explanation.decision.effect === 'deny' ? policy.nearest(evidence, context) : undefined;
  if (json === true) print(escapeJson(JSON.stringify({ policy: { name: policy.name, revision: policy.revision }, ...(beside !== undefined && { recorded: { decision: 'deny', cause: beside } }), ...explanation, ...(nearest && { nearest }) })));
  else print(`${beside === undefined ? '' : `recorded: deny, ${beside}: no policy decided that. What this one makes of the evidence:\n\n`}${formatExplanation(explanation, { color: hasColor(process.stdout) })}${nearest === undefined ? '' : `\n\n${formatNearest(nearest)}`}`);
  return EXIT.ok;
}

async function evidenceOf(from: string, catalogue: Catalogue): Promise<OneRecord> {
  const { evidence, findings, sources } = parseEvidence(await readEvidence(from), catalogue, from === '-' ? 'stdin' : from);
  if (evidence === undefined) throw new PortcullisError('EVIDENCE_INVALID', `the evidence cannot be used:\n${formatFindings(findings, sources, { color: hasColor(process.stderr) })}`);
  return { evidence, listener: 'default', nowMs: Date.now() };
}

async function readEvidence(from: string): Promise<Uint8Array> {
  try {
    return await readBounded(from);
  } catch (cause) {
    throw new PortcullisError('EVIDENCE_INVALID', `cannot read \`${from}\``, { cause, facts: { path: from } });
  }
}
