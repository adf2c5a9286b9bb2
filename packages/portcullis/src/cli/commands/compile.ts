import { readFileSync } from 'node:fs';
import { escapeText } from '@portcullis/core';
import { bundlePolicy, formatFindings } from '@portcullis/policy';
import type { Command } from 'commander';
import { platformCatalogue } from '../../compose/platform.js';
import { replaceFile } from '../../format/replace-file.js';
import { plural } from '../../plural.js';
import { realPathOf } from '../../real-path.js';
import { limitsOf } from '../../limits.js';
import { hasColor } from '../colors.js';
import { EXIT, print, say, UsageError } from '../exit.js';
import { examples, oneOf } from '../help.js';
import { MAX_BYTES } from '../parse-bytes.js';
import { addPluginOptions, chosenPlugins, type PluginChoice } from '../plugin-options.js';

interface CompileOptions extends PluginChoice {
  readonly output: string;
  readonly check?: true;
  readonly platform?: string;
  readonly maxBytes?: number;
}

/** `portcullis compile`: large policies load in a fraction of the time. */
export function addCompile(program: Command, done: (code: number) => void): void {
  addPluginOptions(program.command('compile')
    .summary('put a policy and all it includes into one file that loads fast')
    .description('Checks a policy and writes it, with all it includes, as one file that loads without reading YAML. Whatever takes a policy takes such a file. Equal policies give equal bytes. Exits 0 when it was written (with --check: is up to date), 1 when the policy has errors, it cannot be written, or is not up to date, 2 when it was called wrongly.')
    .argument('<policy>', 'the policy')
    .requiredOption('-o, --output <file>', 'where to write it')
    .option('--check', 'write nothing, and compare what would be written with the file')
    .option(...MAX_BYTES)
    .option('--platform <name>', 'compile for another platform than this one: linux or darwin', oneOf('linux', 'darwin')))
    .addHelpText('after', examples(
      ['before a deployment', 'portcullis compile policy.yaml -o policy.compiled'],
      ['in continuous integration', 'portcullis compile --check policy.yaml -o policy.compiled'],
      ['in force', 'portcullis serve --policy policy.compiled --listen unix:/run/app/gate.sock --upstream unix:/run/app/app.sock'],
    ))
    .action(async (path: string, options: CompileOptions) => { done(await compile(path, options)); });
}

async function compile(path: string, { output, check, platform, ...choice }: CompileOptions): Promise<number> {
  const made = bundlePolicy(path, { catalogue: await platformCatalogue(platform, await chosenPlugins(choice)), nowMs: Date.now(), ...limitsOf(choice) });
  if (made.findings.length > 0) say(formatFindings(made.findings, made.sources, { color: hasColor(process.stderr) }));
  if (made.bytes === undefined || made.policy === undefined) return EXIT.failed;
  const { rules, revision } = made.policy;
  if (made.files.includes(realPathOf(output))) throw new UsageError(`\`${output}\` is a file of the policy itself: it would be written over. Give another one with \`--output\``);
  if (check === true && !isThere(output, made.bytes)) {
    print(`${escapeText(output)}: not up to date with ${escapeText(path)}`);
    return EXIT.failed;
  }
  if (check !== true) replaceFile(output, made.bytes);
  print(`${escapeText(output)}: ${plural(rules.length, 'rule')} of ${plural(made.sources.size, 'file')}, ${String(made.bytes.length)} bytes, revision ${revision}`);
  return EXIT.ok;
}

function isThere(path: string, wanted: Uint8Array): boolean {
  try {
    return readFileSync(path).equals(wanted);
  } catch {
    return false;
  }
}
