import { readFileSync } from 'node:fs';

const FOLDER = new URL('../../templates/attestor/', import.meta.url);

/** Where they are written to, and, where that is another name, what they are called here: npm reads some names wherever they are. */
const FILES: readonly (readonly [target: string, source?: string])[] = [
  ['package.json', 'package.template.json'],
  ['README.md', 'README.template.md'],
  ['.gitignore', 'gitignore'],
  ['tsconfig.json'],
  ['src/index.ts'],
  ['src/register.ts'],
  ['src/attestor.ts'],
  ['src/options.ts'],
  ['src/table.ts'],
  ['test/tsconfig.json'],
  ['test/attestor.test.ts'],
  ['test/table.test.ts'],
  ['test/gate.test.ts'],
];

/** The source of a key, and part of a package's and a class's name. */
export const ATTESTOR_NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
/** `portcullis-attestor-` before it, npm takes far more; a source takes 32. */
export const MOST_NAME_LENGTH = 32;

/**
 * The files of a plugin that builds, and passes its own tests, by their paths. `name` matches `ATTESTOR_NAME`; `version` is that
 * of our packages.
 */
export function attestorFiles(name: string, version: string): ReadonlyMap<string, string> {
  const words = name.split('-');
  const pascal = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return new Map(FILES.map(([target, source = target]) => [target, readFileSync(new URL(source, FOLDER), 'utf8')
    .replaceAll('ACME', words.join('_').toUpperCase()).replaceAll('Acme', pascal).replaceAll('acme', name).replaceAll('VERSION', version)]));
}

export function packageNameOf(name: string): string {
  return `portcullis-attestor-${name}`;
}
