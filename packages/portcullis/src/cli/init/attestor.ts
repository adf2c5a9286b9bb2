import { resolve } from 'node:path';
import { escapeText, sourceOf } from '@portcullis/core';
import { platformCatalogue } from '../../compose/platform.js';
import { ATTESTOR_NAME, attestorFiles, MOST_NAME_LENGTH, packageNameOf } from '../../init/attestor.js';
import { writeNewFiles } from '../../init/write-new-files.js';
import { print, UsageError } from '../exit.js';
import { version } from '../version.js';

/** `portcullis init --attestor NAME`. @throws UsageError, PortcullisError `REPORT_WRITE` */
export async function initAttestor(name: string, folder: string): Promise<void> {
  if (!ATTESTOR_NAME.test(name) || name.length > MOST_NAME_LENGTH) throw new UsageError(`an attestor is named by at most ${String(MOST_NAME_LENGTH)} small letters and digits, with single dashes between them: \`${escapeText(name.slice(0, 60))}\` is not`);
  // On every platform, so that a name which is free here is not taken on a Mac.
  for (const platform of ['linux', 'darwin'] as const) {
    const taken = (await platformCatalogue(platform)).definitions().some(({ key }) => sourceOf(key) === name);
    if (taken) throw new UsageError(`\`${name}:…\` are keys of the platform's own attestor: name yours otherwise`);
  }
  writeNewFiles(folder, attestorFiles(name, version()));
  const next = [...(folder === '.' ? [] : [`cd ${folder}`]), 'npm install', 'npm test'].map((command) => `  ${escapeText(command)}`).join('\n');
  print(`Written to ${escapeText(resolve(folder))}: ${packageNameOf(name)}, which has a key \`${name}:label\`.\n\nNext:\n${next}\n\nIts facts are in src/attestor.ts; what has to hold of every attestor, its tests ask.`);
}
