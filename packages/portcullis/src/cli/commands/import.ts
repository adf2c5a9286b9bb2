import { closeSync, openSync, writeFileSync } from 'node:fs';
import { escapeText, PortcullisError } from '@portcullis/core';
import type { Command } from 'commander';
import { platformCatalogue } from '../../compose/platform.js';
import { replaceFile } from '../../format/replace-file.js';
import { importSpire, type Imported } from '../../import/spire/import-spire.js';
import { nameEntry } from '../../import/spire/policy-text.js';
import { plural } from '../../plural.js';
import { EXIT, say } from '../exit.js';
import { examples, oneOf } from '../help.js';
import { addPluginOptions, chosenPlugins, type PluginChoice } from '../plugin-options.js';
import { readBounded } from '../read-bounded.js';

interface ImportOptions extends PluginChoice {
  readonly output?: string;
  readonly force?: true;
  readonly parent?: readonly string[];
  readonly anyParent?: true;
  readonly strict?: true;
  readonly platform?: string;
}

/** A registration of some 100,000 entries, as SPIRE lays them out. */
const MOST_BYTES = 64 * 1024 * 1024;

/** `portcullis import spire`: what people registered with SPIRE, as a policy. */
export function addImport(program: Command, done: (code: number) => void): void {
  const group = program.command('import')
    .summary('make a policy of what another system has')
    .description('Makes a policy of what another system has.')
    .helpCommand(false);
  addPluginOptions(group.command('spire')
    .summary("make a policy of SPIRE's registration entries")
    .description("Makes a policy of SPIRE's registration entries. Each becomes an allow that asks for all of its selectors and grants its SPIFFE ID. An entry that cannot be carried whole is left out and named on stderr. Exits 0 when a policy was made, 1 when none was (with --strict: or an entry was left out), 2 when it was called wrongly.")
    .argument('<file>', 'the output of `spire-server entry show -output json`; - reads stdin')
    .option('-o, --output <file>', 'write the policy there, and not to stdout')
    .option('--force', 'replace the output file if there is one')
    .option('--parent <id...>', 'only entries with these parents: those of the agent on this host')
    .option('--any-parent', 'all entries, on whichever node they count')
    .option('--strict', 'make no policy if an entry would be left out')
    .option('--platform <name>', 'for another platform than this one: linux or darwin', oneOf('linux', 'darwin')))
    .addHelpText('after', examples(
      ['the entries of one agent', 'portcullis import spire entries.json --parent spiffe://example.org/node/web-1 -o policy.yaml'],
      ['pods and service accounts', 'portcullis import spire entries.json --plugin @portcullis/attestor-kubernetes -o policy.yaml'],
      ['straight from the server', 'spire-server entry show -output json | portcullis import spire - -o policy.yaml'],
      ['is it sound?', 'portcullis check policy.yaml'],
    ))
    .action(async (file: string, options: ImportOptions) => { done(await run(file, options)); });
}

async function run(file: string, options: ImportOptions): Promise<number> {
  const catalogue = await platformCatalogue(options.platform, await chosenPlugins(options));
  const parents = options.anyParent === true ? 'any' : options.parent === undefined ? undefined : new Set(options.parent);
  const imported = importSpire(await read(file), { catalogue, parents });
  tell(imported);
  if (options.strict === true && imported.refused.length > 0) return EXIT.failed;
  if (options.output === undefined) process.stdout.write(imported.text);
  else write(options.output, imported.text, options.force === true);
  return EXIT.ok;
}

function tell({ carried, refused, elsewhere }: Imported): void {
  for (const { entry, why } of refused) say(`left out: ${nameEntry(entry)}: ${escapeText(why, 512)}`);
  for (const { entry, notes } of carried) for (const note of notes) say(`note: ${nameEntry(entry)}: ${note}`);
  const other = elsewhere === 0 ? '' : `, ${String(elsewhere)} of other parents`;
  say(`${plural(carried.length + refused.length, 'entry', 'entries')}: ${String(carried.length)} imported, ${String(refused.length)} left out${other}`);
}

async function read(file: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readBounded(file, MOST_BYTES));
  } catch (cause) {
    throw new PortcullisError('IMPORT_READ', `cannot read \`${file}\``, { cause, facts: { path: file } });
  }
}

function write(path: string, text: string, force: boolean): void {
  try {
    const fd = openSync(path, 'wx');
    try {
      writeFileSync(fd, text);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    if (force && cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') {
      replaceFile(path, text);
      return;
    }
    throw new PortcullisError('REPORT_WRITE', `cannot write \`${path}\`${force ? '' : '; `--force` replaces a file'}`, { cause, facts: { path } });
  }
}
