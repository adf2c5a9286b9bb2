import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Glob } from '../dist/compile/glob.js';
import { slowGlob } from './support/oracle.js';

describe('a glob', () => {
  const text = (alphabet: string, maxLength: number) => fc.string({ unit: fc.constantFrom(...alphabet.split(',')), maxLength });

  it('matches what the slow oracle matches', () => {
    fc.assert(fc.property(text('a,b,/,*,?', 9), text('a,b,/', 12), (pattern, value) => new Glob(pattern).matches(value) === slowGlob(pattern, value)), { numRuns: 20_000 });
  });

  it('matches what the slow oracle matches, for patterns over several machine words', () => {
    const long = fc.tuple(fc.array(fc.constantFrom('*a', '?b', '/', '**', 'ab', 'x'.repeat(29)), { minLength: 20, maxLength: 60 })).map(([parts]) => parts.join(''));
    fc.assert(fc.property(long, fc.nat(20), (pattern, cut) => {
      const value = pattern.replaceAll('**', 'q/q').replaceAll('*', 'zz').replaceAll('?', '_');
      const broken = value.slice(0, cut) + 'Z/' + value.slice(cut);
      return new Glob(`*${pattern}*`).matches(value) && new Glob(`?${pattern}*`).matches(`é${value}`) && new Glob(pattern).matches(broken) === memoGlob(pattern, broken);
    }), { numRuns: 400 });
  });

  it('takes one character beyond the basic plane for one', () => {
    assert.ok(new Glob('/?').matches('/😀'));
    assert.ok(!new Glob('/??').matches('/😀'));
  });

  it('never lets `*` or `?` cross a slash', () => {
    assert.ok(!new Glob('/opt/*').matches('/opt/a/b'));
    assert.ok(!new Glob('/opt?a').matches('/opt/a'));
    assert.ok(new Glob('/opt/**').matches('/opt/a/b'));
  });

  it('has no classes: brackets stand for themselves', () => {
    assert.ok(!new Glob('/[ab]').matches('/a'));
  });

  it('needs time in proportion to the text where backtracking matchers need years', () => {
    const pattern = new Glob(`${'*a'.repeat(200)}b`);
    const start = process.hrtime.bigint();
    for (let run = 0; run < 20; run++) assert.ok(!pattern.matches(`${'a'.repeat(4000)}c b`));
    for (let run = 0; run < 20; run++) assert.ok(!new Glob('**a**a**a**a**a**b?').matches('a'.repeat(4096)));
    assert.ok(Number(process.hrtime.bigint() - start) / 1e6 < 2000);
  });
});

/** Dynamic programming: the recursion would not end on long patterns. */
function memoGlob(pattern: string, text: string): boolean {
  const tokens = pattern.match(/\*+|[^*]/gsu) ?? [];
  let reach = new Set([0]);
  for (const token of tokens) {
    const next = new Set<number>();
    for (const at of reach) {
      if (token.startsWith('*')) {
        for (let end = at; end <= text.length; end++) {
          next.add(end);
          if (token === '*' && text[end] === '/') break;
        }
      } else if (at < text.length && (token === '?' ? text[at] !== '/' : text[at] === token)) next.add(at + 1);
    }
    reach = next;
  }
  return reach.has(text.length);
}
