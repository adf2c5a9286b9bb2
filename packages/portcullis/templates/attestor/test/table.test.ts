import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { optionsOf } from '../dist/options.js';
import { parseTable, readTable } from '../dist/table.js';

describe('the table', () => {
  it('has lists of labels by uid', () => {
    assert.deepEqual([...parseTable('{ "0": [], "1000": ["blue"] }')], [[0, []], [1000, ['blue']]]);
  });

  for (const text of ['', '[]', 'null', '{ "x": [] }', '{ "01": [] }', '{ "1": "blue" }', '{ "1": [7] }', '{ "1": [""] }', '{ "1": ["a\\nb"] }']) {
    it(`is refused as a whole: ${JSON.stringify(text)}`, () => { assert.throws(() => parseTable(text)); });
  }

  it('is refused where others may change it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'acme-'));
    const file = join(folder, 'table.json');
    try {
      writeFileSync(file, '{}');
      chmodSync(file, 0o644);
      assert.equal(readTable(file).size, 0);
      chmodSync(file, 0o666);
      assert.throws(() => readTable(file), /others may change/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('options', () => {
  for (const options of [{}, { file: 'table.json' }, { file: 7 }, { file: '/t.json', flie: '/t.json' }]) {
    it(`refuse ${JSON.stringify(options)}`, () => { assert.throws(() => optionsOf(options), { code: 'PLUGIN_OPTIONS' }); });
  }
});
