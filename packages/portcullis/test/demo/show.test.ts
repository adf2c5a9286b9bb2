import assert from 'node:assert/strict';
import fc from 'fast-check';
import { wrap } from '../../dist/demo/show/line.js';
import { Speller } from '../../dist/demo/show/spell.js';
import { columnsFor, formatTable } from '../../dist/demo/show/table.js';

const plain = (text: string): string => text;

describe('the table of the demo', () => {
  const words = fc.array(fc.string({ unit: fc.constantFrom('a', '/', '…', '-'), minLength: 1, maxLength: 60 }), { maxLength: 12 });

  it('wraps text into the width that it has, and loses none of it', () => {
    fc.assert(fc.property(words, fc.integer({ min: 12, max: 80 }), fc.nat(4), (list, width, indent) => {
      const wrapped = wrap({ text: ' '.repeat(indent) + list.join(' ') }, width);
      assert.ok(wrapped.every(({ text }) => text.length <= width));
      assert.equal(wrapped.map(({ text }) => text).join('').replaceAll(' ', ''), list.join(''));
    }));
  });

  for (const width of [60, 80, 100, 120]) {
    it(`fits ${String(width)} columns`, () => {
      const columns = columnsFor(width, ['PEER', 'DECISION', 'CAUSE, RULE', 'WHY'], [0.23, 8 / width, 0.2]);
      const long = [{ text: 'some words, then /a/very/long/path/that/has/no/end/and/goes/on/and/on' }];
      const table = formatTable(columns, [[long, [{ text: 'allow' }], long, long]], plain);
      assert.deepEqual(table.split('\n').filter((one) => one.length > width), []);
    });
  }

  it('colours a cell after it was measured', () => {
    const painted = formatTable([{ title: 'A', width: 3 }, { title: 'B', width: 3 }], [[[{ text: 'x', paint: (text) => `<${text}>` }], [{ text: 'y' }]]], plain);
    assert.ok(painted.endsWith('<x>    y'));
  });

  it('spells hostile text escaped, its own folder shortly and digests cut (I11)', () => {
    const speller = new Speller('/tmp/portcullis-demo-x');
    assert.equal(speller.spell('/tmp/portcullis-demo-x/a\u001b[2K\n'), '<demo>/a\\u{1b}[2K\\u{a}');
    assert.equal(speller.spell(`docker-${'0123456789abcdef'.repeat(4)}.scope`), 'docker-0123456789….scope');
  });
});
