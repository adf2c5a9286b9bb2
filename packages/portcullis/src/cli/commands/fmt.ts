import { escapeText, PortcullisError } from '@portcullis/core';
import { DEFAULT_LIMITS, formatDocument, formatFindings, type FormattedDocument } from '@portcullis/policy';
import type { Command } from 'commander';
import { replaceFile } from '../../format/replace-file.js';
import { plural } from '../../plural.js';
import { hasColor } from '../colors.js';
import { EXIT, print, say, UsageError } from '../exit.js';
import { examples } from '../help.js';
import { readBounded } from '../read-bounded.js';

interface FmtOptions {
  readonly check?: true;
}

/** `portcullis fmt`: one layout for all policies. */
export function addFmt(program: Command, done: (code: number) => void): void {
  program.command('fmt')
    .summary('lay out policies, tests and gateway files in one way')
    .description('Rewrites files in one layout. Order, quotes and comments stay, and what a file says is compared before it is written. Exits 0 when all are formatted, 1 when one cannot be (with --check: is not), 2 when it was called wrongly.')
    .argument('<file...>', 'YAML files; - formats stdin to stdout')
    .option('--check', 'write nothing, and name the files that are not formatted')
    .addHelpText('after', examples(
      ['before a commit', 'portcullis fmt policy.yaml policy.test.yaml'],
      ['in continuous integration', 'portcullis fmt --check policies/*.yaml'],
      ['in an editor', 'portcullis fmt - < policy.yaml'],
    ))
    .action(async (files: readonly string[], options: FmtOptions) => { done(await formatAll(files, options)); });
}

type Outcome = 'same' | 'changed' | 'failed';

async function formatAll(files: readonly string[], { check }: FmtOptions): Promise<number> {
  if (files.includes('-')) {
    if (files.length > 1 || check === true) throw new UsageError('`-` stands alone: stdin is formatted to stdout');
    return formatStdin();
  }
  const results: Outcome[] = [];
  for (const file of new Set(files)) results.push(await formatOne(file, check === true));
  const count = (what: Outcome): number => results.filter((one) => one === what).length;
  print(`${plural(results.length, 'file')}: ${String(count('changed'))} ${check === true ? 'not formatted' : 'changed'}, ${String(count('failed'))} failed`);
  return count('failed') > 0 || (check === true && count('changed') > 0) ? EXIT.failed : EXIT.ok;
}

async function formatOne(file: string, check: boolean): Promise<Outcome> {
  const before = await read(file);
  const formatted = formatDocument(before, file);
  if (formatted.text === undefined) return fail(formatted);
  if (Buffer.from(formatted.text).equals(before)) return 'same';
  if (!check) replaceFile(file, formatted.text);
  print(escapeText(file));
  return 'changed';
}

async function formatStdin(): Promise<number> {
  const formatted = formatDocument(await read('-'), 'stdin');
  if (formatted.text === undefined) {
    fail(formatted);
    return EXIT.failed;
  }
  process.stdout.write(formatted.text);
  return EXIT.ok;
}

function fail({ findings, source }: FormattedDocument): 'failed' {
  say(formatFindings(findings, new Map([[source.file, source]]), { color: hasColor(process.stderr) }));
  return 'failed';
}

async function read(file: string): Promise<Uint8Array> {
  try {
    return await readBounded(file, DEFAULT_LIMITS.maxBytes);
  } catch (cause) {
    throw new PortcullisError('POLICY_READ', `cannot read \`${file}\``, { cause, facts: { path: file } });
  }
}
