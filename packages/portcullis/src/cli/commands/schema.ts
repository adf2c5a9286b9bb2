import type { Command } from 'commander';
import { platformCatalogue } from '../../compose/platform.js';
import { makeSchema, SCHEMA_KINDS, type SchemaKind } from '../../schema/make-schema.js';
import { EXIT, print } from '../exit.js';
import { examples, oneOf } from '../help.js';
import { addPluginOptions, chosenPlugins, type PluginChoice } from '../plugin-options.js';

interface SchemaOptions extends PluginChoice {
  readonly kind?: SchemaKind;
  readonly platform?: string;
}

/** `portcullis schema`: editors complete and check as they read. */
export function addSchema(program: Command, done: (code: number) => void): void {
  addPluginOptions(program.command('schema')
    .summary('print the JSON Schema of policies, tests and gateway files, for editors')
    .description('Prints the JSON Schema (draft-07) of the files, with the keys of the installed attestors and of plugins, so that editors complete, explain and check as one writes. Exits 0, or 1 where a plugin cannot be loaded, 2 when it was called wrongly.')
    .option('--kind <kind>', `of one kind of file only: ${SCHEMA_KINDS.join(', ')}; without it, of every file that has a \`kind\``, oneOf(...SCHEMA_KINDS))
    .option('--platform <name>', 'for another platform than this one: linux or darwin', oneOf('linux', 'darwin')))
    .addHelpText('after', examples(
      ['beside the policies, whose first line is `# yaml-language-server: $schema=./portcullis.schema.json`', 'portcullis schema > portcullis.schema.json'],
      ['with the keys of the plugins of a gateway', 'portcullis schema --gateway gateway.yaml > portcullis.schema.json'],
      ['for a setting by file name', 'portcullis schema --kind tests > policy-test.schema.json'],
    ))
    .action(async ({ kind, platform, ...choice }: SchemaOptions) => {
      print(JSON.stringify(makeSchema(await platformCatalogue(platform, await chosenPlugins(choice)), kind), null, 1));
      done(EXIT.ok);
    });
}
