import { join, resolve } from 'node:path';
import { escapeText } from '@portcullis/core';
import type { Command } from 'commander';
import { loadPlatform, platformCatalogue } from '../../compose/platform.js';
import { SCHEMA_FILE, starterFiles } from '../../init/starter.js';
import { writeNewFiles } from '../../init/write-new-files.js';
import { makeSchema } from '../../schema/make-schema.js';
import { EXIT, print, UsageError } from '../exit.js';
import { examples } from '../help.js';
import { initAttestor } from '../init/attestor.js';

/** `sun_path`, less its NUL; of the two sockets, the name of the longer one. */
const MOST_FOLDER_BYTES = 107 - '/gate.sock'.length;

const FILES = [
  ['policy.yaml', 'who may come through'],
  ['policy.test.yaml', 'what is to become of whom: fails where the policy says otherwise'],
  ['gateway.yaml', 'the socket, and the service behind it'],
  [SCHEMA_FILE, 'editors complete and check by it'],
] as const;

/** `portcullis init`: the files to begin with, of a gateway or of a plugin. */
export function addInit(program: Command, done: (code: number) => void): void {
  program.command('init')
    .summary('write a policy, its test and a gateway file to begin with, or a plugin')
    .description('Writes a commented policy, its test, a gateway file, and the schema by which editors complete and check them. With --attestor: the package of an attestor of your own, typed, with its tests. Nothing is ever overwritten: where one of the files is there, none is written. Exits 0 when all were written, 1 when none was, 2 when it was called wrongly.')
    .argument('[folder]', 'where to; made if it is not there', '.')
    .option('--attestor <name>', 'write a plugin instead, whose keys are `<name>:…`')
    .addHelpText('after', examples(
      ['in a folder of its own', 'portcullis init gate && cd gate && portcullis test policy.test.yaml'],
      ['here', 'portcullis init'],
      ['a plugin that establishes facts of your own', 'portcullis init --attestor team my-plugin'],
    ))
    .action(async (folder: string, { attestor }: { readonly attestor?: string }) => {
      if (folder === '') throw new UsageError('name a folder, or none for the one you are in');
      await (attestor === undefined ? init(folder) : initAttestor(attestor, folder));
      done(EXIT.ok);
    });
}

async function init(folder: string): Promise<void> {
  const full = resolve(folder);
  if (Buffer.byteLength(full) > MOST_FOLDER_BYTES) throw new UsageError(`the path of the folder is too long to make sockets in it: ${String(MOST_FOLDER_BYTES)} bytes at most`);
  const { name } = await loadPlatform();
  const files = starterFiles({ platform: name, uid: process.geteuid?.() ?? 0, socket: join(full, 'gate.sock'), upstream: join(full, 'app.sock') });
  writeNewFiles(folder, new Map([...files, [SCHEMA_FILE, `${JSON.stringify(makeSchema(await platformCatalogue()), null, 1)}\n`]]));
  const list = FILES.map(([file, what]) => `  ${file.padEnd(24)}${what}`).join('\n');
  const next = ['portcullis check --strict gateway.yaml', 'portcullis test policy.test.yaml', 'portcullis serve gateway.yaml'].map((command) => `  ${command}`).join('\n');
  print(`Written to ${escapeText(full)}:\n${list}\n\nNext${folder === '.' ? '' : ', in that folder'}: read policy.yaml, and\n${next}`);
}
