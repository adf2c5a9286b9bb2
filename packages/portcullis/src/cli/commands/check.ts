import { escapeJson } from '@portcullis/core';
import { formatFindings } from '@portcullis/policy';
import type { Command } from 'commander';
import { allHostWarnings } from '../../check/all-host-warnings.js';
import { checkFile, type CheckedFile } from '../../check/check-file.js';
import { platformCatalogue } from '../../compose/platform.js';
import { unknowableFor } from '../../inspect/unknowable.js';
import { plural } from '../../plural.js';
import { hasColor } from '../colors.js';
import { EXIT, print } from '../exit.js';
import { examples, oneOf } from '../help.js';

interface CheckOptions {
  readonly format: string;
  readonly strict?: true;
  readonly host?: true;
  readonly platform?: string;
}

/** `portcullis check`: is this sound, before it is put in force? */
export function addCheck(program: Command, done: (code: number) => void): void {
  program.command('check')
    .summary('check policies and gateway files')
    .description('Checks policies, with all they include, and gateway files, with the policies they name. Every finding begins with `file:line:column: CODE message`. Exits 0 when there are no errors, 1 when there are (with --strict: or warnings), 2 when it was called wrongly.')
    .argument('<file...>', 'policies and gateway files')
    .option('--format <format>', 'text or json', oneOf('text', 'json'), 'text')
    .option('--strict', 'warnings fail too')
    .option('--host', 'also warn of rules that need what this host cannot answer, and of programs and policies that others can replace here')
    .option('--platform <name>', 'check for another platform than this one: linux or darwin', oneOf('linux', 'darwin'))
    .addHelpText('after', examples(
      ['before a commit', 'portcullis check --strict policy.yaml'],
      ['a gateway and all its policies', 'portcullis check gateway.yaml'],
      ['only codes and places', "portcullis check --format json policy.yaml | jq -r '.findings[] | \"\\(.code) \\(.place.line)\"'"],
    ))
    .action(async (files: readonly string[], options: CheckOptions) => { done(await check(files, options)); });
}

async function check(files: readonly string[], { format, strict, host, platform }: CheckOptions): Promise<number> {
  const catalogue = await platformCatalogue(platform);
  const checked = files.map((file) => checkFile(file, catalogue, Date.now()));
  const count = (severity: string): number => checked.reduce((sum, { findings }) => sum + findings.filter((one) => one.severity === severity).length, 0);
  const errors = count('error');
  const policies = host === true ? checked.flatMap((one) => one.policies) : [];
  const unknowable = host === true ? await unknowableFor(policies) : {};
  const onHost = policies.flatMap((policy) => allHostWarnings(policy, unknowable));
  const warnings = count('warning') + onHost.length;
  const ok = errors === 0 && (strict !== true || warnings === 0);
  if (format === 'json') print(escapeJson(JSON.stringify({ ok, errors, warnings, files: checked.map(summary), findings: checked.flatMap(({ findings }) => findings), ...(host === true && { host: onHost }) })));
  else printText(checked, onHost, errors, warnings);
  return ok ? EXIT.ok : EXIT.failed;
}

function summary({ file, kind, findings }: CheckedFile): object {
  return { file, kind, findings: findings.length };
}

function printText(checked: readonly CheckedFile[], onHost: readonly string[], errors: number, warnings: number): void {
  for (const { findings, sources } of checked) {
    if (findings.length > 0) print(`${formatFindings(findings, sources, { color: hasColor(process.stdout) })}\n`);
  }
  for (const warning of onHost) print(`on this host: ${warning}`);
  print(`${plural(checked.length, 'file')}: ${plural(errors, 'error')}, ${plural(warnings, 'warning')}`);
}
