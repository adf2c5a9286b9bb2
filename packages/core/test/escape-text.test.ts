import assert from 'node:assert/strict';
import { escapeJson, escapeText } from '@portcullis/core';

describe('escapeText', () => {
  const cases: readonly (readonly [what: string, text: string | Uint8Array, shown: string])[] = [
    ['plain text', '/usr/bin/git --äöü 日本', '/usr/bin/git --äöü 日本'],
    ['line breaks', 'a\nb\r\n', 'a\\u{a}b\\u{d}\\u{a}'],
    ['a tab', 'a\tb', 'a\\u{9}b'],
    ['escape sequences', '\u001b[2J\u001b]0;owned\u0007', '\\u{1b}[2J\\u{1b}]0;owned\\u{7}'],
    ['C1 controls', '\u009b31m', '\\u{9b}31m'],
    ['NUL and DEL', '\0\u007f', '\\u{0}\\u{7f}'],
    ['bidirectional overrides and isolates', '\u202egnp\u202c\u2066x\u2069', '\\u{202e}gnp\\u{202c}\\u{2066}x\\u{2069}'],
    ['what has no width', 'a\u200b\u00ad\ufeffb', 'a\\u{200b}\\u{ad}\\u{feff}b'],
    ['line and paragraph separators', '\u2028\u2029', '\\u{2028}\\u{2029}'],
    ['tags, private use, unassigned', '\u{e0041}\ue000\u{10ffff}', '\\u{e0041}\\u{e000}\\u{10ffff}'],
    ['a lone surrogate', 'a\ud800b', 'a\\u{d800}b'],
    ['bytes that are UTF-8', Buffer.from('git\u001b'), 'git\\u{1b}'],
    ['bytes that are not', Buffer.from([0x61, 0xff, 0xc3, 0x28, 0xe2, 0x82, 0x62, 0x80, 0xc3, 0xa4]), 'a\\x{ff}\\x{c3}(\\x{e2}\\x{82}b\\x{80}ä'],
    ['an overlong slash and a coded surrogate', Buffer.from([0xc0, 0xaf, 0xed, 0xa0, 0x80]), '\\x{c0}\\x{af}\\x{ed}\\x{a0}\\x{80}'],
  ];
  for (const [what, text, shown] of cases) it(`shows ${what}`, () => { assert.equal(escapeText(text), shown); });

  it('cuts what is too long', () => {
    assert.equal(escapeText('x'.repeat(10), 4), 'xxxx…');
    assert.equal(escapeText('x'.repeat(70_000)).length, 4097);
  });
});

describe('escapeJson', () => {
  it('leaves nothing hostile in a line, and its meaning as it was', () => {
    const value = { '\u202ekey': 'a\u0085\u009b31m\u007f\u2028\u2029\u2066\u200b\ufeff\ue000\u{e0041}\u{10ffff}\ud800 "\\n\n äö 日本 😀' };
    const line = escapeJson(JSON.stringify(value));
    assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u);
    assert.ok(line.includes('\\u009b31m\\u007f\\u2028') && line.includes('\\udb40\\udc41') && line.includes('äö 日本 😀'));
    assert.deepEqual(JSON.parse(line), value);
  });

  it('leaves plain lines alone', () => {
    const line = JSON.stringify({ a: ['x\n', 1, null] });
    assert.equal(escapeJson(line), line);
  });
});
