import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './support/pages.js';

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly license?: string;
}

/** The folders of the packages that are published. */
function published(): readonly (readonly [folder: string, manifest: Manifest])[] {
  const folders = readdirSync(join(ROOT, 'packages'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => join(ROOT, 'packages', name));
  return folders.filter((folder) => existsSync(join(folder, 'package.json')))
    .map((folder) => [folder, JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest] as const)
    .filter(([, manifest]) => manifest.private !== true);
}

describe('every published package', () => {
  it('carries the licence of the repository, word for word: npm does not pack the root\'s', () => {
    const license = readFileSync(join(ROOT, 'LICENSE'), 'utf8');
    assert.ok(published().length >= 5);
    for (const [folder, manifest] of published()) {
      assert.equal(readFileSync(join(folder, 'LICENSE'), 'utf8'), license, manifest.name);
      assert.equal(manifest.license, 'Apache-2.0', manifest.name);
    }
  });

  it('has a page of its own that says what it is called', () => {
    for (const [folder, { name }] of published()) {
      const page = readFileSync(join(folder, 'README.md'), 'utf8');
      assert.ok(page.startsWith(`# ${name}\n`), name);
      const lines = page.trimEnd().split('\n').length;
      assert.ok(lines >= 10 && lines <= 30, `${name}: ${String(lines)} lines`);
    }
  });
});
