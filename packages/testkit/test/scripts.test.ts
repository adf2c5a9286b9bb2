import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const scripts = join(import.meta.dirname, '../../../scripts');

interface Answer {
  readonly status: number | null;
  readonly lines: readonly string[];
}

const run = (command: string, args: readonly string[]): Answer => {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return { status, lines: stdout.split('\n').filter((line) => line !== '') };
};

/** What a script of the repository says of a checkout that holds just `files`. */
function judge(script: string, files: Readonly<Record<string, string>>): Answer {
  const checkout = mkdtempSync(join(tmpdir(), 'portcullis-checkout-'));
  try {
    assert.equal(run('git', ['init', '--quiet', checkout]).status, 0);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(checkout, path)), { recursive: true });
      writeFileSync(join(checkout, path), text);
    }
    return run(process.execPath, [join(scripts, script), checkout]);
  } finally {
    rmSync(checkout, { recursive: true });
  }
}

// This file is checked too: what must not stand in it is put together when it runs.
const joined = (...parts: readonly string[]): string => parts.join('');

describe('scripts: registry-free', () => {
  const host = (...labels: readonly string[]): string => labels.join('.');

  it('finds the hosts of registries and mirrors, by file and line', () => {
    const { status, lines } = judge('registry-free.mjs', {
      'a.md': `fine\nsee ${host('https://registry', 'npmjs', 'org')}/x\n`,
      'b/c.sh': `curl ${host('https://raw', 'githubusercontent', 'com')}/x\n`,
      'd.list': `${host('http://deb', 'debian', 'org')}/debian\n${host('ftp', 'unpkg', 'com')}\n`,
      'e.txt': `${host('npm', 'mirrors', 'example', 'cn')} ${host('mirrors', 'example', 'cn')}\n`,
    });
    assert.equal(status, 1);
    assert.deepEqual(
      lines.map((line) => line.split(': ')[0]),
      ['a.md:2', 'b/c.sh:1', 'd.list:1', 'd.list:2', 'e.txt:1'],
    );
  });

  it('finds a registry that is set, and a lock that says where a package came from', () => {
    const { status, lines } = judge('registry-free.mjs', {
      '.npmrc': joined('reg', 'istry=somewhere\n'),
      'package.json': joined('{ "reg', 'istry": "somewhere" }\n'),
      'package-lock.json': '{\n  "resolved": "https://x/y.tgz",\n  "resolved": "packages/core"\n}\n',
    });
    assert.equal(status, 1);
    assert.deepEqual(
      lines.map((line) => line.split(': ')[0]),
      ['.npmrc:1', 'package-lock.json:2', 'package.json:1'],
    );
  });

  it('leaves other hosts and ignored files alone', () => {
    const { status, lines } = judge('registry-free.mjs', {
      '.gitignore': 'ignored/\n',
      'ignored/a.txt': host('registry', 'npmjs', 'org'),
      'README.md': 'https://github.com/portcullis registry.ts `registry` container.registry.get()\n',
      'package.json': '{ "funding": { "url": "https://opencollective.com/eslint" } }\n',
    });
    assert.deepEqual(lines, []);
    assert.equal(status, 0);
  });
});

describe('scripts: repository rules', () => {
  const only = (what: string): string => joined(what, '.on', "ly('x', () => {});\n");

  it('finds tests that run alone and tests that are left out without a reason', () => {
    const { status, lines } = judge('repository-rules.mjs', {
      'packages/a/test/a.test.ts': `${only('it')}\n${only('describe')}`,
      'packages/a/test/b.test.ts': joined('it.sk', "ip('x');\nx", "it('x');\nthis.sk", 'ip();\n'),
      'docs/a.ts': only('it'),
    });
    assert.equal(status, 1);
    assert.deepEqual(
      lines.map((line) => line.split(': ')[0]),
      ['packages/a/test/a.test.ts:1', 'packages/a/test/a.test.ts:3', ...[1, 2, 3].map((line) => `packages/a/test/b.test.ts:${String(line)}`)],
    );
  });

  it('only warns of a source file past 250 lines', () => {
    const { status, lines } = judge('repository-rules.mjs', {
      'packages/a/src/long.ts': '//\n'.repeat(251),
      'packages/a/src/fits.ts': '//\n'.repeat(250),
      'packages/a/src/made.generated.ts': '//\n'.repeat(900),
      'packages/a/test/long.test.ts': '//\n'.repeat(900),
    });
    assert.equal(status, 0);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /^warning: packages\/a\/src\/long\.ts: 251 lines/);
  });
});

describe('scripts: the closing counts of .ci/run', () => {
  const closing = (counts: object | undefined): Answer => {
    const folder = mkdtempSync(join(tmpdir(), 'portcullis-counts-'));
    try {
      writeFileSync(join(folder, 'counts.json'), counts === undefined ? '' : JSON.stringify(counts));
      return run(process.execPath, [join(scripts, 'mocha/counts.mjs'), join(folder, 'counts.json')]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const good = { passed: 3, failed: 0, skipped: 1, notRun: 0, neverAsked: [] };

  it('closes with the counts alone on the last line', () => {
    const { status, lines } = closing(good);
    assert.equal(lines.at(-1), '3 passed, 0 failed, 1 skipped');
    assert.equal(status, 0);
  });

  it('does not let a run pass that failed, was cut short, ran nothing or lacks a feature', () => {
    for (const bad of [
      { ...good, failed: 1 },
      { ...good, notRun: 1 },
      { ...good, passed: 0 },
      { ...good, neverAsked: ['root'] },
      undefined,
    ]) {
      const { status, lines } = closing(bad);
      assert.equal(status, 1);
      assert.match(lines.at(-1) ?? '', /^\d+ passed, \d+ failed, \d+ skipped$/);
    }
  });
});
