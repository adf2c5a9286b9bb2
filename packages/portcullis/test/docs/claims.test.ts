import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { readPage, ROOT, type Page } from './support/pages.js';
import { titlesOf } from './support/titles.js';

/** `- <title> ([name](../packages/…/x.test.ts))`: how a page cites a test. */
const CITATION = /^- (?<title>.+) \(\[[^\]]+\]\((?<file>[^)]+\.test\.ts)\)\)$/;

/** The part of a page under each `## T1: …` or `### I1: …`, by that number. */
function sections({ text }: Page, letter: string): ReadonlyMap<string, string> {
  const parts = text.split(new RegExp(`^#{2,3} (?=${letter}[0-9]+[:.])`, 'm')).slice(1);
  return new Map(parts.map((part) => [/^[A-Z][0-9]+/.exec(part)?.[0] ?? '', part.split(/^#{2} /m)[0] ?? '']));
}

function citations(text: string): readonly { readonly title: string; readonly file: string }[] {
  return text.split('\n').flatMap((line) => {
    const groups = CITATION.exec(line)?.groups;
    return groups === undefined ? [] : [{ title: groups['title'] ?? '', file: groups['file'] ?? '' }];
  });
}

describe('claims of the documentation', () => {
  const threats = readPage('docs/threat-model.md');
  const architecture = readPage('docs/architecture.md');

  for (const page of [threats, architecture, readPage('docs/kernel-features.md'), readPage('docs/connect.md'), readPage('docs/messages.md'), readPage('docs/attestors/darwin.md'), readPage('docs/loopback.md'), readPage('docs/spire.md'), readPage('docs/attestors/systemd.md'), readPage('docs/attestors/kubernetes.md'), readPage('docs/attestors/container.md'), readPage('docs/first-attestor.md')]) {
    it(`${page.path} cites tests by titles that exist`, () => {
      const wrong = citations(page.text).flatMap(({ title, file }) => {
        const path = normalize(join(dirname(page.path), file));
        if (!existsSync(join(ROOT, path))) return [`${path}: no such file`];
        return titlesOf(path).some((pattern) => pattern.test(title)) ? [] : [`${path}: no test is called: ${title}`];
      });
      assert.deepEqual(wrong, []);
    });

    it(`${page.path} cites tests in the one form that is checked`, () => {
      const lines = page.text.split('\n').filter((line) => line.includes('.test.ts') && !CITATION.test(line));
      assert.deepEqual(lines, []);
    });
  }

  it('cover every threat: a test, or the plain word that there is none, or no defence, yet', () => {
    const parts = sections(threats, 'T');
    assert.deepEqual([...parts.keys()], Array.from({ length: 23 }, (_, index) => `T${String(index + 1)}`));
    const bare = [...parts].filter(([, text]) => citations(text).length === 0 && !/not defended|No test shows this yet/i.test(text));
    assert.deepEqual(bare.map(([name]) => name), []);
  });

  it('cover every invariant: a test, or the plain word that no test shows it yet', () => {
    const parts = sections(architecture, 'I');
    assert.deepEqual([...parts.keys()], Array.from({ length: 11 }, (_, index) => `I${String(index + 1)}`));
    const bare = [...parts].filter(([, text]) => citations(text).length === 0 && !text.includes('No test shows this yet'));
    assert.deepEqual(bare.map(([name]) => name), []);
  });

  it('about speed have one place, which the benchmark fills', () => {
    const places = readPage('docs/benchmarks.md').text.split(/^<!-- (?:begin|end) figures -->\n/m);
    assert.equal(places.length, 3);
    assert.notEqual(places[1]?.trim(), '');
  });
});
