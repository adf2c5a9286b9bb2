import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { TRUST_TIERS, UNKNOWN_REASONS } from '@portcullis/core';
import { CONTAINER_SELECTORS } from '@portcullis/attestor-container';
import { DARWIN_SELECTORS } from '@portcullis/attestor-darwin';
import { KUBERNETES_SELECTORS } from '@portcullis/attestor-kubernetes';
import { LINUX_SELECTORS } from '@portcullis/attestor-linux';
import { SYSTEMD_SELECTORS } from '@portcullis/attestor-systemd';
import { firstCells, readPage, ROOT, sectionOf, type Page } from './support/pages.js';

const page = readPage('docs/selectors.md');
const STATES = [['Linux', page, LINUX_SELECTORS], ['macOS', readPage('docs/attestors/darwin.md'), DARWIN_SELECTORS], ['systemd', readPage('docs/attestors/systemd.md'), SYSTEMD_SELECTORS], ['Kubernetes', readPage('docs/attestors/kubernetes.md'), KUBERNETES_SELECTORS], ['containers', readPage('docs/attestors/container.md'), CONTAINER_SELECTORS]] as const;

/** Keys and patterns (`linux:cap-*`) in the first column of a page's table of states. */
function stateKeys(page: Page): readonly string[] {
  const cells = sectionOf(page, 'States').split('\n').filter((line) => line.startsWith('|')).map((line) => line.split('|')[1] ?? '');
  return [...new Set(cells.flatMap((cell) => [...cell.matchAll(/`([a-z0-9-]+:[^`]+)`/g)].map(([, key = '']) => key)))];
}

function covers(pattern: string, key: string): boolean {
  return pattern === key || (pattern.includes('*') && new RegExp(`^${pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`).test(key));
}

describe('the page of selectors', () => {
  it('has the tables that its generator makes of the catalogues', () => {
    const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'packages/portcullis/scripts/generate-selectors.mjs'), '--check'], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });

  for (const [platform, states, selectors] of STATES) {
    it(`says of every key on ${platform} when it is absent or unknown`, () => {
      const patterns = stateKeys(states);
      const bare = selectors.filter(({ key }) => !patterns.some((pattern) => covers(pattern, key))).map(({ key }) => key);
      assert.deepEqual(bare, []);
    });

    it(`names no key in the table of states of ${platform} that nobody establishes`, () => {
      assert.deepEqual(stateKeys(states).filter((pattern) => !selectors.some(({ key }) => covers(pattern, key))), []);
    });
  }

  it('gives no reason for unknown that the code has not', () => {
    const reasons: ReadonlySet<string> = new Set(UNKNOWN_REASONS);
    const said = [...STATES.map(([, states]) => `${sectionOf(states, 'States')}${sectionOf(states, 'Errno')}`).join('').matchAll(/unknown, `([^`]+)`/g)].map(([, reason = '']) => reason);
    assert.ok(said.length > 20);
    assert.deepEqual(said.filter((reason) => !reasons.has(reason)), []);
  });

  it('explains every trust tier, strongest first', () => {
    assert.deepEqual(firstCells(page, 'Trust tiers'), [...TRUST_TIERS]);
  });
});
