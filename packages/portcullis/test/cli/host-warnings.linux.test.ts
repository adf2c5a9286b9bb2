import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, symlinkSync } from 'node:fs';
import { requireFeature } from '@portcullis/testkit';
import { policyWarnings } from '../../dist/check/policy-warnings.js';
import { whyReplaceable } from '../../dist/check/replaceable.js';
import { ALLOW_ME, Folder, ME, policy } from './support/folder.js';
import { portcullis } from './support/run.js';

describe('warnings of a host', function () {
  let folder: Folder;

  before(function () { requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux'); });
  beforeEach(() => { folder = new Folder(); });
  afterEach(() => { folder.remove(); });

  const named = (path: string): string => policy(`{ id: tool, effect: allow, when: { all: [{ unix:uid: 7 }, { unix:path: ${path} }] } }`);

  it('names a rule whose program lies where others can replace it, in a sticky folder too', async () => {
    const { stdout } = await portcullis(['check', '--host', folder.write('p.yaml', named(folder.at('tool')))]);
    assert.match(stdout, /HOST_PATH_REPLACEABLE allow rule `tool` names `unix:path` `.*tool`.*may be written by everybody/);
  });

  it('says nothing of a program that only root can replace', async () => {
    const { stdout } = await portcullis(['check', '--host', folder.write('p.yaml', named('/usr/bin/env'))]);
    assert.ok(!stdout.includes('HOST_PATH_REPLACEABLE'), stdout);
  });

  it('judges what links lead to, and where they lie', () => {
    assert.equal(whyReplaceable('/usr/bin/../bin/env'), undefined);
    symlinkSync('/usr/bin/env', folder.at('env'));
    assert.match(whyReplaceable(folder.at('env')) ?? 'sound', /`\/tmp`|owned|written/);
  });

  it('warns of a policy that others may write: the file, its folder, by owner or by mode', function () {
    const file = folder.write('p.yaml', policy(ALLOW_ME));
    chmodSync(file, 0o644);
    assert.deepEqual(policyWarnings([file]), []);
    chmodSync(file, 0o664);
    assert.match(policyWarnings([file]).join(), /^HOST_POLICY_WRITABLE `[^`]*p\.yaml` .*by group [0-9]+/);
    chmodSync(file, 0o644);
    mkdirSync(folder.at('open'));
    chmodSync(folder.at('open'), 0o1777);
    assert.match(policyWarnings([folder.at('open/p.yaml')]).join(), /^HOST_POLICY_WRITABLE `[^`]*open` .*everybody/);
    requireFeature(this, 'root', ME === 0, 'needs root to give a file away');
    chownSync(file, 54_321, 0);
    assert.match(policyWarnings([file]).join(), /by uid 54321/);
  });

  it('warns of a writable policy when checked', async () => {
    const file = folder.write('p.yaml', policy(ALLOW_ME));
    chmodSync(file, 0o666);
    assert.equal((await portcullis(['check', '--strict', file])).code, 0);
    const { code, stdout } = await portcullis(['check', '--strict', '--host', file]);
    assert.equal(code, 1);
    assert.match(stdout, /HOST_POLICY_WRITABLE/);
  });
});
