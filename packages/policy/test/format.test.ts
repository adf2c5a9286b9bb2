import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { formatDocument, readDocument } from '@portcullis/policy';
import { stringify } from 'yaml';
import { policyDoc } from './support/arbitrary.js';
import { testPath } from './support/files.js';

const format = (text: string): string => {
  const { text: formatted, findings } = formatDocument(text, 'x.yaml');
  assert.deepEqual(findings, []);
  assert.ok(formatted !== undefined);
  return formatted;
};
const valueOf = (text: string) => readDocument(text, 'x.yaml').value;

describe('a formatted document', () => {
  it('has one layout, with every comment where it was', () => {
    const before = ['# head', '', '', 'kind:   AdmissionPolicy   # after', 'rules:', '    # first', '    -   id: one\t# id', '        when: {unix:uid: [ 5,6 ], "unix:path":  \'/a\'}', '', '', '        # tail', '    - {id: two, reason: " [ x ] # no comment"}', '# end'];
    assert.equal(format(before.join('\r\n')), ['# head', '', 'kind: AdmissionPolicy # after', 'rules:', '  # first', '  - id: one # id', '    when: { unix:uid: [5, 6], "unix:path": \'/a\' }', '    # tail', '  - { id: two, reason: " [ x ] # no comment" }', '', '# end', ''].join('\n'));
  });

  it('has numbers as they were spelled: a mode stays one', () => {
    assert.equal(format('mode:   0600\nnumbers: [0x1F, 1.50, .5, 1e3, +7]\n'), 'mode: 0600\nnumbers: [0x1F, 1.50, .5, 1e3, +7]\n');
  });

  it('keeps the escapes of what could not be read as it stands', () => {
    assert.equal(format('a:   "x\\u202ey\\u2028z\\u0085"\n'), 'a: "x\\u202ey\\u2028z\\u0085"\n');
    assert.equal(format('a:   "x\\x80y\\x7fz\\0"\n'), 'a: "x\\u0080y\\u007fz\\0"\n');
  });

  it('says the same, and is not changed by formatting it again: every fixture that can be read', () => {
    let formatted = 0;
    for (const folder of ['fixtures/valid', 'fixtures/invalid', 'fixtures/golden', 'fixtures/explain', 'fixtures/policy-test/valid', 'fixtures/policy-test/invalid']) {
      for (const name of readdirSync(testPath(folder)).filter((one) => one.endsWith('.yaml'))) {
        const bytes = readFileSync(testPath(`${folder}/${name}`));
        const { value } = readDocument(bytes, name);
        const { text, findings } = formatDocument(bytes, name);
        assert.equal(text === undefined, value === undefined, name);
        if (text === undefined) assert.ok(findings.some(({ severity }) => severity === 'error'));
        else {
          formatted++;
          assert.deepEqual(valueOf(text), value, name);
          assert.equal(format(text), text, name);
        }
      }
    }
    assert.ok(formatted > 80);
  });

  it('says the same, keeps comments and is at rest: random policies with random comments and blanks', () => {
    const noise = fc.array(fc.constantFrom('', '', '', ' # a', '\n', '\n# b\n', '\n    # c\n\n'), { minLength: 40, maxLength: 40 });
    fc.assert(fc.property(policyDoc(4), noise, (doc, list) => {
      const lines = stringify(doc).split('\n');
      const noisy = lines.map((line, index) => line + (list[index % list.length] ?? '')).join('\n');
      fc.pre(valueOf(noisy) !== undefined);
      const { text, findings } = formatDocument(noisy, 'x.yaml');
      // Refused rather than damaged; and that is rare.
      if (text === undefined) {
        assert.deepEqual(findings.map(({ code }) => code), ['FORMAT_LOSS']);
        return;
      }
      assert.deepEqual(valueOf(text), valueOf(noisy));
      assert.equal(format(text), text);
      const comments = (one: string) => [...one.matchAll(/# [abc]/g)].map(String).sort();
      assert.deepEqual(comments(text), comments(noisy));
    }), { numRuns: 200 });
  });

  it('is not given out where something would be lost', () => {
    // A text of the document, which begins as a comment does once it is laid out.
    assert.deepEqual(formatDocument('|\n  # c\n', 'x.yaml').findings.map(({ code, place }) => [code, place.line]), [['FORMAT_LOSS', 1]]);
    assert.equal(format('a: |\n  # c  \n  x   \n'), 'a: |\n  # c  \n  x   \n');
    assert.deepEqual(formatDocument('a: [', 'x.yaml').findings.map(({ code }) => code), ['YAML_SYNTAX']);
  });
});
