import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FEATURES } from '../dist/features.js';
import { FEATURES_MARK, LEGEND, MATRIX_MARK, between, featureTable, matrixTable, readBetween, testsTable } from '../dist/page.js';
import { SERIES } from '../dist/series.js';
import { bootOf } from './support.js';

const page = readFileSync(join(import.meta.dirname, '../../../docs/kernel-features.md'), 'utf8');

describe('docs/kernel-features.md', () => {
  it('has the features that are declared (npm run test:kernels -- --write)', () => {
    assert.equal(readBetween(page, FEATURES_MARK), featureTable());
  });

  it('has a row for each in the matrix but two, of which it says why', () => {
    const rowless = FEATURES.filter(({ looks }) => looks.length === 0).map(({ name }) => name);
    assert.deepEqual(rowless, ['an exec that waits lets others look', 'bind attaches the socket under the folder\'s lock']);
    assert.match(page, /Two have\s+none: a waiting exec, .* and the lock of a folder at a bind/);
  });

  it('has a matrix of every kernel and module, each as declared', () => {
    const matrix = readBetween(page, MATRIX_MARK);
    const columns = /^\| feature \| (.*) \|$/m.exec(matrix)?.[1]?.split(' | ') ?? [];
    const boots = columns.map((column) => {
      const [version = '', module = ''] = column.split(' ');
      assert.ok(module === 'apparmor' || module === 'selinux', column);
      return bootOf(`${version}.0`, module);
    });
    assert.equal(matrix.split('\n\n')[0], matrixTable(boots));
    const declared = SERIES.flatMap(({ name, modules }) => modules.map((module) => `${name} ${module}`));
    assert.equal(columns.length, declared.length);
    for (const name of declared.filter((one) => !one.startsWith('newest'))) assert.ok(columns.includes(name), name);
  });

  it('says how the matrix is read: what was expected is told of every cell', () => {
    assert.ok(page.includes(LEGEND));
  });

  it('has what the tests came to, by part, kernel, module and user, and in all', () => {
    const boot = bootOf('6.1.0', 'selinux', (said) => {
      if (!('counts' in said) || said.who === 'root') return said;
      return said.part === 'attacks' ? { ...said, counts: { ...said.counts, failed: 1, skipped: 2 } } : undefined;
    });
    assert.deepEqual(testsTable([boot]).split('\n').slice(2), [
      '| attacks | 3 | 3, 1 failed, 2 skipped |',
      '| probes | 3 | not run |',
      '| all | 6 | 3, 1 failed, 2 skipped |',
    ]);
  });

  it('is written between its marks alone', () => {
    const text = 'before\n<!-- begin x -->\nold\n<!-- end x -->\nafter\n';
    assert.equal(between(text, 'x', 'new'), 'before\n<!-- begin x -->\n\nnew\n\n<!-- end x -->\nafter\n');
    assert.equal(readBetween(between(text, 'x', 'new'), 'x'), 'new');
    assert.throws(() => between(text, 'y', 'new'), /no place for y/);
  });
});
