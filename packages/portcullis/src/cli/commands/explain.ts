import { escapeJson, PortcullisError } from '@portcullis/core';
import { explain, formatExplanation, formatFindings, loadPolicy, parseEvidence, requirePolicy } from '@portcullis/policy';
import type { Command } from 'commander';
import { platformCatalogue } from '../../compose/platform.js';
import { hasColor } from '../colors.js';
import { EXIT, print } from '../exit.js';
import { examples } from '../help.js';
import { readBounded } from '../read-bounded.js';
import { formatNearest } from '../format-nearest.js';
import { addPluginOptions, chosenPlugins, type PluginChoice } from '../plugin-options.js';

interface ExplainOptions extends PluginChoice {
  readonly policy: string;
  readonly evidence: string;
  readonly listener: string;
  readonly json?: true;
}

/** `portcullis explain`: the decision on evidence that somebody wrote down, rule by rule. */
export function addExplain(program: Command, done: (code: number) => void): void {
  addPluginOptions(program.command('explain')
    .summary('explain a decision, rule by rule')
    .description('Decides over evidence from a file and shows every rule with every condition: + holds, - does not, ? unknown. In the evidence (JSON or YAML) a key has a value, a list of values, or null for absent; a key that is not mentioned is unknown.')
    .requiredOption('-p, --policy <file>', 'the policy')
    .requiredOption('-e, --evidence <file>', 'the evidence, - for stdin')
    .option('--listener <name>', 'the listener that the connection came to', 'default')
    .option('--json', 'for machines'))
    .addHelpText('after', examples(
      ['may uid 1000 come in?', "echo '{\"unix:uid\": 1000}' | portcullis explain --policy policy.yaml --evidence -"],
      ['known to be untraced', "echo '{\"unix:uid\": 1000, \"linux:tracer\": null}' | portcullis explain -p policy.yaml -e - --listener docker"],
    ))
    .action(async (options: ExplainOptions) => { done(await explainFile(options)); });
}

async function explainFile({ policy: path, evidence: from, listener, json, ...choice }: ExplainOptions): Promise<number> {
  const catalogue = await platformCatalogue(undefined, await chosenPlugins(choice));
  const policy = requirePolicy(loadPolicy(path, { catalogue }));
  const { evidence, findings, sources } = parseEvidence(await readEvidence(from), catalogue, from === '-' ? 'stdin' : from);
  if (evidence === undefined) throw new PortcullisError('EVIDENCE_INVALID', `the evidence cannot be used:\n${formatFindings(findings, sources, { color: hasColor(process.stderr) })}`);
  const context = { listener, nowMs: Date.now() };
  const explanation = explain(policy, evidence, context);
  const nearest = explanation.decision.effect === 'deny' ? policy.nearest(evidence, context) : undefined;
  if (json === true) print(escapeJson(JSON.stringify({ policy: { name: policy.name, revision: policy.revision }, ...explanation, ...(nearest && { nearest }) })));
  else print(`${formatExplanation(explanation, { color: hasColor(process.stdout) })}${nearest === undefined ? '' : `\n\n${formatNearest(nearest)}`}`);
  return EXIT.ok;
}

async function readEvidence(from: string): Promise<Uint8Array> {
  try {
    return await readBounded(from);
  } catch (cause) {
    throw new PortcullisError('EVIDENCE_INVALID', `cannot read \`${from}\``, { cause, facts: { path: from } });
  }
}
