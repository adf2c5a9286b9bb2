import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireFeature } from '@portcullis/testkit';
import { ROOT } from './support/pages.js';

const FOLDER = join(ROOT, 'examples');
/** Ours that are not published: an example must not need them. */
const HIDDEN = /@portcullis\/testkit|\/dist\/|\.\.\/\.\.\/packages/;

interface Manifest {
  readonly private?: boolean;
  readonly scripts?: Readonly<Record<string, string>>;
}

const names = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => existsSync(join(FOLDER, name, 'package.json'))) : [];

describe('examples', function () {
  this.timeout(60_000);
  before(function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'the examples attest peers on Linux');
    requireFeature(this, 'curl', existsSync('/usr/bin/curl'), 'no /usr/bin/curl');
  });

  it('are there', () => { assert.ok(names.length >= 2); });

  for (const name of names) {
    it(`${name} is private, has a page, starts and has a smoke test`, () => {
      const manifest = JSON.parse(readFileSync(join(FOLDER, name, 'package.json'), 'utf8')) as Manifest;
      assert.equal(manifest.private, true);
      assert.ok(manifest.scripts?.['start']);
      assert.ok(manifest.scripts['smoke']);
      assert.ok(existsSync(join(FOLDER, name, 'README.md')));
    });

    it(`${name} imports nothing that its reader does not have`, () => {
      for (const file of readdirSync(join(FOLDER, name)).filter((one) => /\.(?:mjs|ts)$/.test(one))) {
        assert.doesNotMatch(readFileSync(join(FOLDER, name, file), 'utf8'), HIDDEN, file);
      }
    });
  }

  // All of them are run from the packed packages by `npm run check`; that the links of this repository do as well, one shows.
  it('does what its page says straight after the build: admits and refuses real clients', async () => {
    const output = await new Promise<string>((resolve, reject) => {
      execFile('npm', ['run', '--silent', 'smoke'], { cwd: join(FOLDER, '01-uid-allow-list'), encoding: 'utf8', timeout: 45_000 }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${stdout}${stderr}`, { cause: error }));
      });
    });
    assert.match(output, /admitted/);
    assert.match(output, /refused/);
  });
});
