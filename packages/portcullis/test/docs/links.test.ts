import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { allPages, anchorsOf, proseOf, ROOT } from './support/pages.js';

describe('links of the documentation', () => {
  const pages = allPages();

  it('lead to files, folders and headings that exist', () => {
    const broken: string[] = [];
    for (const page of pages) {
      for (const [, target = ''] of proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [path = '', anchor] = target.split('#');
        const file = path === '' ? page.path : normalize(join(dirname(page.path), path));
        if (file.startsWith('..') || !existsSync(join(ROOT, file))) broken.push(`${page.path}: ${target}`);
        else if (anchor !== undefined && !hasAnchor(file, anchor)) broken.push(`${page.path}: ${target}: no such heading`);
      }
    }
    assert.deepEqual(broken, []);
  });

  it('reach every page below docs from the front page or from one that it leads to', () => {
    const reached = new Set(['README.md']);
    for (const path of reached) {
      const page = pages.find((one) => one.path === path);
      if (page === undefined) continue;
      for (const [, target = ''] of proseOf(page).matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
        const file = normalize(join(dirname(path), target));
        if (file.endsWith('.md')) reached.add(file);
      }
    }
    assert.deepEqual(pages.map(({ path }) => path).filter((path) => path.startsWith('docs/') && !reached.has(path)), []);
  });
});

function hasAnchor(file: string, anchor: string): boolean {
  const full = join(ROOT, file);
  if (statSync(full).isDirectory() || !file.endsWith('.md')) return /^L[0-9]+/.test(anchor);
  return anchorsOf(readFileSync(full, 'utf8')).has(anchor);
}
