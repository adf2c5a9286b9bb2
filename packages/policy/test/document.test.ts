import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { child, compilePolicyText, readDocument, readDocumentFile, spanAt } from '@portcullis/policy';
import { CATALOGUE } from './support/catalogue.js';

const codes = (input: string | Uint8Array) => readDocument(input, 'test.yaml').findings.map(({ code }) => code);

describe('a document', () => {
  it('is read into plain data whose maps inherit nothing', () => {
    const { value, findings } = readDocument('a: [1, true, null, text]\n__proto__: { admin: true }\n', 'test.yaml');
    assert.deepEqual(findings, []);
    assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value));
    assert.equal(Object.getPrototypeOf(value), null);
    assert.deepEqual(Object.keys(value), ['a', '__proto__']);
    assert.equal(({} as Record<string, unknown>)['admin'], undefined);
  });

  it('knows the place of every path in it, of keys and of values', () => {
    const { root, source } = readDocument('rules:\n  - id: one\n    when: { "unix:uid": 5 }\n', 'test.yaml');
    assert.ok(root);
    const at = (path: string[], part?: 'key') => source.placeAt(spanAt(root, path, part).offset);
    assert.deepEqual(at(['rules', '0', 'id']), { file: 'test.yaml', line: 2, column: 9 });
    assert.deepEqual(at(['rules', '0', 'when', 'unix:uid'], 'key'), { file: 'test.yaml', line: 3, column: 13 });
    assert.deepEqual(at(['rules', '7', 'id']), at(['rules']));
  });

  it('reads JSON, a byte order mark, Windows line ends and `%YAML 1.2` as well', () => {
    for (const text of ['{"a": 1}', '\ufeffa: 1', 'a: 1\r\n', '%YAML 1.2\n---\na: 1\n...\n']) {
      const { value, findings } = readDocument(Buffer.from(text), 'test.yaml');
      assert.deepEqual(findings, [], text);
      assert.deepEqual({ ...(value as object) }, { a: 1 });
    }
  });

  it('shares what an alias stands for', () => {
    const { value } = readDocument('a: &x { b: 1 }\nc: *x\n', 'test.yaml');
    assert.deepEqual(JSON.parse(JSON.stringify(value)), { a: { b: 1 }, c: { b: 1 } });
  });

  it('refuses more aliases than the cap, and what they stand for beyond another', () => {
    assert.deepEqual(codes(`a: &x 1\nb: [${'*x, '.repeat(1001)}]`), ['YAML_ALIAS_LIMIT']);
    const doubling = Array.from({ length: 40 }, (_, i) => `k${String(i + 1)}: &a${String(i + 1)} [*a${String(i)}, *a${String(i)}]`);
    assert.deepEqual(codes(`k0: &a0 [x]\n${doubling.join('\n')}`), ['YAML_ALIAS_LIMIT']);
  });

  it('refuses depth in every spelling before the library can recurse into it', () => {
    const many = 100_000;
    for (const text of ['['.repeat(many), '{a: '.repeat(many), '- '.repeat(many), '? '.repeat(many), `${'['.repeat(many)}${']'.repeat(many)}`, `a: ${'[? '.repeat(many)}`]) {
      assert.deepEqual(codes(text), ['YAML_TOO_DEEP']);
    }
    const stairs = Array.from({ length: 1500 }, (_, i) => `${' '.repeat(i)}a:`).join('\n');
    assert.deepEqual(codes(stairs), ['YAML_TOO_DEEP']);
    const flat = Array.from({ length: 60 }, (_, i) => `${' '.repeat(i)}a:`).join('\n');
    assert.deepEqual(codes(flat), []);
    assert.deepEqual(codes(`[${'[1], '.repeat(500)}]\n`), []);
  });

  it('refuses what shows people another text than is read, and takes it as an escape (T22)', () => {
    for (const code of [0x0d, 0x85, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069]) {
      const { root, findings } = readDocument(`a: 1 # seen${String.fromCharCode(code)}b: 2\n`, 'x');
      assert.deepEqual([root, findings.map((one) => [one.code, one.place.line, one.place.column])], [undefined, [['YAML_CONTROL', 1, 12]]], code.toString(16));
      const escaped = readDocument(`a: "\\u${code.toString(16).padStart(4, '0')}"\r\n`, 'x');
      assert.deepEqual([escaped.findings, child(escaped.root, 'a')], [[], { kind: 'scalar', value: String.fromCharCode(code), offset: 3, length: 8 }]);
    }
  });

  it('refuses size before it reads', () => {
    assert.deepEqual(codes(Buffer.alloc(33 * 1024 * 1024, 32)), ['YAML_TOO_LARGE']);
    // Memory goes with the tokens and not with the bytes.
    assert.deepEqual(codes(`[${'a,'.repeat(20)}]`), []);
    assert.deepEqual(readDocument(`[${'a,'.repeat(20)}]`, 'x', { maxTokens: 30 }).findings.map(({ code }) => code), ['YAML_TOO_LARGE']);
    assert.deepEqual(readDocument('a: 12345', 'x', { maxBytes: 5 }).findings.map(({ code }) => code), ['YAML_TOO_LARGE']);
  });

  it('needs bounded time for what is made to be slow', function () {
    this.timeout(60_000);
    const hostile: Record<string, string> = {
      keys: Array.from({ length: 20_000 }, (_, i) => `k${String(i)}: ${String(i)}`).join('\n'),
      commas: `[${','.repeat(30_000)}`,
      anchors: '&a '.repeat(30_000),
      documents: '---\n'.repeat(20_000),
      quotes: `"${'\\'.repeat(200_000)}`,
      blank: `a:\n${'\n'.repeat(200_000)}`,
      colons: 'a: b'.repeat(100_000),
    };
    for (const [name, text] of Object.entries(hostile)) {
      // Time of this process, not of the clock: other work on the machine is none of its business.
      const start = process.cpuUsage();
      readDocument(text, 'test.yaml');
      assert.ok(process.cpuUsage(start).user < 10_000_000, name);
    }
  });

  it('never throws, whatever the bytes are', () => {
    const tokens = fc.array(fc.constantFrom('a', ':', ' ', '\n', '- ', '[', ']', '{', '}', '&x ', '*x', '!', '|', '>', '"', "'", '#', '%YAML 1.1', '---', '<<', '__proto__', '\t', '\r', ','), { maxLength: 40 }).map((parts) => parts.join(''));
    fc.assert(fc.property(fc.oneof(tokens, fc.string({ unit: 'binary', maxLength: 60 })), (text) => {
      const { root, findings } = readDocument(text, 'test.yaml');
      assert.equal(root === undefined, findings.some(({ severity }) => severity === 'error'));
      compilePolicyText(text, { catalogue: CATALOGUE });
    }), { numRuns: 1000 });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => { readDocument(bytes, 'test.yaml'); }), { numRuns: 1000 });
  });

  it('points at the first byte that is not UTF-8', () => {
    const [finding] = readDocument(Buffer.from([0x61, 0x3a, 0x20, 0xc3, 0xa9, 0x0a, 0x62, 0xff]), 'x').findings;
    assert.equal(finding?.code, 'YAML_ENCODING');
    assert.deepEqual(finding.place, { file: 'x', line: 2, column: 2 });
    assert.deepEqual(codes('a: \ud800'), ['YAML_ENCODING']);
  });
});

describe('a file', () => {
  it('that is missing, or no regular file, is a finding and not a hang', () => {
    const folder = mkdtempSync(join(tmpdir(), 'portcullis-policy-'));
    try {
      assert.deepEqual(readDocumentFile(join(folder, 'none.yaml')).findings.map(({ code }) => code), ['YAML_READ']);
      assert.deepEqual(readDocumentFile(folder).findings.map(({ code }) => code), ['YAML_READ']);
      assert.deepEqual(readDocumentFile('/dev/zero').findings.map(({ code }) => code), ['YAML_READ']);
      writeFileSync(join(folder, 'large.yaml'), 'a: 12345');
      assert.deepEqual(readDocumentFile(join(folder, 'large.yaml'), { maxBytes: 4 }).findings.map(({ code }) => code), ['YAML_TOO_LARGE']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
