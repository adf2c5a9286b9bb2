import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseRecords, unescapeName } from '../../dist/lsof/parse-records.js';

/** As lsof 4.95 prints a name in the C locale, told from its source (safestrprt) and tried on Linux. */
function escaped(name: Uint8Array): string {
  const known = new Map([[0x5c, '\\\\'], [8, '\\b'], [9, '\\t'], [10, '\\n'], [12, '\\f'], [13, '\\r']]);
  return [...name].map((byte) => known.get(byte) ?? (byte < 0x20 ? `^${String.fromCharCode(byte + 0x40)}` : byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`)).join('');
}

const names = (text: string): string[] | undefined => parseRecords(text)?.files.map(({ descriptor, name }) => `${descriptor} ${Buffer.from(name).toString('latin1')}`);

describe('attestor-darwin: the records of lsof', () => {
  // macOS's own form, from lsof(8), "OUTPUT FOR OTHER PROGRAMS": the executable first, then libraries and dyld
  it('are read in lsof\'s order', () => {
    const text = 'p812\nftxt\nn/usr/bin/ssh\nftxt\nn/usr/lib/dyld\nftxt\nn/private/var/db/timezone/icutz.dat\n';
    assert.equal(parseRecords(text)?.pid, 812);
    assert.deepEqual(names(text), ['txt /usr/bin/ssh', 'txt /usr/lib/dyld', 'txt /private/var/db/timezone/icutz.dat']);
  });

  it('may be of a process of which nothing is shown', () => {
    assert.deepEqual(names('p812\n'), []);
  });

  for (const [title, text] of [
    ['nothing', ''],
    ['a last line that is cut off', 'p812\nftxt\nn/usr/bin/ssh'],
    ['no process', 'ftxt\nn/usr/bin/ssh\n'],
    ['a pid that is none', 'p0\nftxt\nn/usr/bin/ssh\n'],
    ['a pid with a sign', 'p-1\nftxt\nn/usr/bin/ssh\n'],
    ['a second process', 'p812\nftxt\nn/usr/bin/ssh\np813\nftxt\nn/bin/sh\n'],
    ['a name without a descriptor', 'p812\nn/usr/bin/ssh\n'],
    ['a descriptor without a name', 'p812\nftxt\n'],
    ['two names of one descriptor', 'p812\nftxt\nn/usr/bin/ssh\nn/bin/sh\n'],
    ['a field that was not asked for', 'p812\nctest\nftxt\nn/usr/bin/ssh\n'],
    ['an empty line', 'p812\n\nftxt\nn/usr/bin/ssh\n'],
    ['a carriage return', 'p812\r\nftxt\r\nn/usr/bin/ssh\r\n'],
    ['a raw control character in a name', 'p812\nftxt\nn/usr/bin/\u001b[2Jssh\n'],
    ['a raw byte beyond ASCII, which lsof escapes', 'p812\nftxt\nn/usr/bin/é\n'],
    ['a warning before the records', 'lsof: WARNING: something\np812\nftxt\nn/usr/bin/ssh\n'],
  ] as const) {
    it(`are refused whole with ${title}`, () => {
      assert.equal(parseRecords(text), undefined);
    });
  }

  it('give back every name that lsof spells in one way only', () => {
    const unambiguous = fc.uint8Array({ minLength: 1 }).filter((bytes) => !bytes.some((byte) => byte === 0x5e || byte === 0x7f || (byte < 0x20 && ![8, 9, 10, 12, 13].includes(byte))));
    fc.assert(fc.property(unambiguous, (bytes) => {
      assert.deepEqual(Buffer.from(unescapeName(escaped(bytes)) ?? []), Buffer.from(bytes));
    }));
  });

  it('are refused where a name can be read in two ways: `^X` is a control character or itself', () => {
    assert.equal(unescapeName('/tmp/a^Xb'), undefined);
    assert.equal(unescapeName('/tmp/a^?'), undefined);
  });

  it('are refused with an escape that lsof does not write', () => {
    for (const text of ['/a\\', '/a\\q', '/a\\x', '/a\\x4', '/a\\xG0', '/a\\xFF', '/a\\0']) assert.equal(unescapeName(text), undefined, text);
  });

  it('never throw, and never take long', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => { parseRecords(`p1\nftxt\nn${text}\n`); }));
    assert.equal(parseRecords(`p1\n${'ftxt\nn/a\n'.repeat(50_000)}`)?.files.length, 50_000);
  });
});
