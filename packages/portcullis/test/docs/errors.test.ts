import assert from 'node:assert/strict';
import { CAUSES, ERROR_CODES, LISTEN_EXCEPTIONS, REFUSAL_CODES, UNKNOWN_REASONS } from '@portcullis/core';
import { firstCells, readPage } from './support/pages.js';

describe('the page of errors', () => {
  const page = readPage('docs/errors.md');
  const tables: readonly (readonly [heading: string, codes: readonly string[]])[] = [
    ['Error codes', ERROR_CODES],
    ['Causes of a decision', CAUSES],
    ['Refusal codes', REFUSAL_CODES],
    ['Unknown reasons', UNKNOWN_REASONS],
  ];

  for (const [heading, codes] of tables) {
    it(`explains under "${heading}" every one that the code has, and no other`, () => {
      assert.deepEqual([...firstCells(page, heading)].sort(), [...codes].sort());
    });
  }

  it('leaves no cell of its tables empty', () => {
    assert.deepEqual(page.text.split('\n').filter((line) => line.startsWith('|') && /\|\s*\|/.test(line)), []);
  });

  it('names every exception of the safe listen', () => {
    for (const exception of LISTEN_EXCEPTIONS) assert.ok(page.text.includes(`\`${exception}\``), exception);
  });
});
