import { escapeJson } from '@portcullis/core';
import { FindingList, formatFindings, readDocumentFile } from '@portcullis/policy';
import { InvalidArgumentError, type Command } from 'commander';
import { allHostWarnings, gatewayFileWarnings } from '../../check/all-host-warnings.js';
import { checkFile, type CheckedFile } from '../../check/check-file.js';
import { sarifReport } from '../../check/sarif-report.js';
import type { Plugin } from '../../compose/parts.js';
import { platformCatalogue } from '../../compose/platform.js';
import { pluginsOf } from '../../gateway/parse-plugins.js';
import { unknowableFor } from '../../inspect/unknowable.js';
import { loadPlugins } from '../../plugins/load-plugin.js';
import { plural } from '../../plural.js';
import { limitsOf } from '../../limits.js';
import { hasColor } from '../colors.js';
import { EXIT, print } from '../exit.js';
import { examples, oneOf } from '../help.js';
import { MAX_BYTES } from '../parse-bytes.js';
import { addPluginOptions, chosenPlugins, type PluginChoice } from '../plugin-options.js';
import { version } from '../version.js';

interface CheckOptions extends PluginChoice {
  readonly format: string;
  readonly expiresWithin: number;
  readonly strict?: true;
  readonly host?: true;
  readonly platform?: string;
  readonly maxBytes?: number;
}

const MS_PER_DAY = 86_400_000;

/** `portcullis check`: is this sound, before it is put in force? */
export function addCheck(program: Command, done: (code: number) => void): void {
  addPluginOptions(program.command('check')
    .summary('check policies and gateway files')
    .description('Checks policies, with all they include, and gateway files, with the policies they name: errors, and rules that never match, cover each other, or trust too much. Every finding begins with `file:line:column: CODE message`. A warning that is meant is allowed in the file: `# portcullis: allow CODE reason`. Exits 0 when there are no errors, 1 when there are (with --strict: or warnings), 2 when it was called wrongly.')
    .argument('<file...>', 'policies and gateway files')
    .option('--format <format>', 'text, json, or sarif for code-scanning pages', oneOf('text', 'json', 'sarif'), 'text')
    .option('--strict', 'warnings fail too')
    .option('--expires-within <days>', 'warn of policies and rules that expire within so many days', days, 30)
    .option('--host', 'also warn of rules that need what this host cannot answer, and of programs and policies that others can replace here')
    .option(...MAX_BYTES)
    .option('--platform <name>', 'check for another platform than this one: linux or darwin', oneOf('linux', 'darwin')))
    .addHelpText('after', examples(
      ['before a commit', 'portcullis check --strict policy.yaml'],
      ['a gateway and all its policies', 'portcullis check gateway.yaml'],
      ['for a code-scanning page', 'portcullis check --format sarif policy.yaml > portcullis.sarif'],
      ['only codes and places', "portcullis check --format json policy.yaml | jq -r '.findings[] | \"\\(.code) \\(.place.line)\"'"],
    ))
    .action(async (files: readonly string[], options: CheckOptions) => { done(await check(files, options)); });
}

function days(text: string): number {
  if (!/^[0-9]{1,5}$/.test(text)) throw new InvalidArgumentError('It is a number of days.');
  return Number(text);
}

async function check(files: readonly string[], { format, strict, host, platform, expiresWithin, ...choice }: CheckOptions): Promise<number> {
  const limits = limitsOf(choice);
  const settings = { nowMs: Date.now(), review: { expiresWithinMs: expiresWithin * MS_PER_DAY }, ...limits };
  const chosen = await chosenPlugins(choice);
  const checked: CheckedFile[] = [];
  for (const file of files) {
    const document = readDocumentFile(file, limits);
    // What a gateway file names counts for it, and for the policies that it names.
    const plugins = [...chosen, ...(await loadPlugins(pluginsOf(document)))];
    const one = checkFile(file, document, { ...settings, catalogue: await platformCatalogue(platform, plugins) });
    checked.push(host === true ? await onThisHost(one, plugins) : one);
  }
  const count = (severity: string): number => checked.reduce((sum, { findings }) => sum + findings.filter((one) => one.severity === severity).length, 0);
  const [errors, warnings] = [count('error'), count('warning')];
  const ok = errors === 0 && (strict !== true || warnings === 0);
  if (format === 'json') printJson(checked, { ok, errors, warnings });
  else if (format === 'sarif') print(escapeJson(JSON.stringify(sarifReport(checked, { version: version(), folder: process.cwd() }))));
  else printText(checked, errors, warnings);
  return ok ? EXIT.ok : EXIT.failed;
}

/** With what the policies meet here, and comments that allow nothing of it. */
async function onThisHost(one: CheckedFile, plugins: readonly Plugin[]): Promise<CheckedFile> {
  const unknowable = await unknowableFor(one.policies, plugins);
  const found = one.policies.map((policy) => ({ policy, ...allHostWarnings(policy, unknowable) }));
  const unused = new FindingList();
  for (const { policy } of found) policy.loaded.suppressions.reportUnused(unused, (code) => code.startsWith('HOST_'));
  return {
    ...one,
    findings: [...one.findings, ...(one.kind === 'Gateway' ? gatewayFileWarnings(one.file, one.sources) : []), ...found.flatMap(({ findings }) => findings), ...unused.toArray()],
    suppressed: [...one.suppressed, ...found.flatMap(({ suppressed }) => suppressed)],
  };
}

function printJson(checked: readonly CheckedFile[], totals: { readonly ok: boolean; readonly errors: number; readonly warnings: number }): void {
  const files = checked.map(({ file, kind, findings }) => ({ file, kind, findings: findings.length }));
  print(escapeJson(JSON.stringify({ ...totals, files, findings: checked.flatMap(({ findings }) => findings), suppressed: checked.flatMap(({ suppressed }) => suppressed) })));
}

function printText(checked: readonly CheckedFile[], errors: number, warnings: number): void {
  for (const { findings, sources } of checked) {
    if (findings.length > 0) print(`${formatFindings(findings, sources, { color: hasColor(process.stdout) })}\n`);
  }
  const suppressed = checked.reduce((sum, one) => sum + one.suppressed.length, 0);
  print(`${plural(checked.length, 'file')}: ${plural(errors, 'error')}, ${plural(warnings, 'warning')}${suppressed === 0 ? '' : `, ${String(suppressed)} allowed`}`);
}
