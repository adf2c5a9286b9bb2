import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, symlinkSync } from 'node:fs';
import type { Catalogue } from '@portcullis/core';
import { loadPolicy } from '@portcullis/policy';
import { requireFeature, requireRoot } from '@portcullis/testkit';
import { platformCatalogue } from 'portcullis';
import { HostFindings } from '../../dist/check/host-findings.js';
import { hostWarnings } from '../../dist/check/host-warnings.js';
import { policyWarnings as findPolicyWarnings } from '../../dist/check/policy-warnings.js';
import { whyReplaceable } from '../../dist/check/replaceable.js';
import { ALLOW_ME, Folder, policy } from './support/folder.js';
import { portcullis } from './support/run.js';

describe('warnings of a host', function () {
  let folder: Folder;

  let catalogue: Catalogue;

  before(async function () { catalogue = await platformCatalogue('linux'); requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux'); });
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

  /** What is found, each as `CODE message`. */
  const policyWarnings = (files: readonly string[], folders: readonly string[] = []): readonly string[] => {
    const found = new HostFindings(new Map());
    findPolicyWarnings({ files, folders }, found);
    return found.findings.map(({ code, message }) => `${code} ${message}`);
  };

  it('warns of a policy that others may write or replace: the file, its folder, one above, by owner or by mode', function () {
    const file = folder.write('p.yaml', policy(ALLOW_ME));
    chmodSync(file, 0o644);
    assert.deepEqual(policyWarnings([file]), []);
    chmodSync(file, 0o664);
    assert.match(policyWarnings([file]).join(), /^HOST_POLICY_WRITABLE `[^`]*p\.yaml` .*by group [0-9]+/);
    chmodSync(file, 0o644);
    mkdirSync(folder.at('open'));
    chmodSync(folder.at('open'), 0o1777);
    assert.match(policyWarnings([folder.at('open/p.yaml')]).join(), /^HOST_POLICY_WRITABLE `[^`]*open` .*everybody/);
    mkdirSync(folder.at('open/below'));
    assert.deepEqual(policyWarnings([folder.at('open/below/p.yaml')]), [], 'nobody else can take away what lies in a sticky folder');
    const deepFirst = policyWarnings([folder.at('open/below/p.yaml'), folder.at('open/included.yaml')]);
    assert.match(deepFirst.join(), /^HOST_POLICY_WRITABLE `[^`]*open` .*everybody[^`]*$/, 'a sticky folder that holds a file of the policy itself, below which another lies');
    chmodSync(folder.at('open'), 0o777);
    assert.match(policyWarnings([folder.at('open/below/p.yaml')]).join(), /^HOST_POLICY_WRITABLE `[^`]*open` .*everybody[^`]*$/);
    requireRoot(this, 'needs root to give a file away');
    chownSync(file, 54_321, 0);
    assert.match(policyWarnings([file]).join(), /by uid 54321/);
  });

  it('warns of a folder that a pattern looks into and finds nothing, and of one through which a link leads', () => {
    const file = folder.write('p.yaml', policy(ALLOW_ME).replace('rules:', 'include: [more/*/*.yaml]\nrules:'));
    chmodSync(file, 0o644);
    mkdirSync(folder.at('more/open'), { recursive: true });
    chmodSync(folder.at('more/open'), 0o1777);
    const { files, folders } = loadPolicy(file, { catalogue });
    assert.match(policyWarnings(files, folders).join(), /^HOST_POLICY_WRITABLE `[^`]*more\/open` .*everybody[^`]*$/);
    symlinkSync(folder.at('.'), folder.at('more/open/link'));
    const led = loadPolicy(folder.at('more/open/link/p.yaml'), { catalogue });
    chmodSync(folder.at('more/open'), 0o777);
    assert.match(policyWarnings(led.files.slice(0, 1), led.folders.slice(0, 2)).join(), /^HOST_POLICY_WRITABLE `[^`]*more\/open` .*everybody[^`]*$/);
  });

  it('warns of a gateway file that others may write, when it is checked', async () => {
    folder.write('p.yaml', policy(ALLOW_ME));
    chmodSync(folder.at('p.yaml'), 0o644);
    const file = folder.write('g.yaml', `apiVersion: portcullis/v1\nkind: Gateway\nlisteners:\n  - { name: g, listen: { path: ${folder.at('g.sock')} }, upstream: 'unix:${folder.at('up.sock')}', policy: p.yaml }\n`);
    chmodSync(file, 0o644);
    assert.equal((await portcullis(['check', '--strict', '--host', file])).code, 0);
    chmodSync(file, 0o622);
    const { code, stdout } = await portcullis(['check', '--strict', '--host', file]);
    assert.equal(code, 1);
    assert.match(stdout, /g\.yaml:1:1.*HOST_GATEWAY_WRITABLE[^]*`[^`]*g\.yaml` holds the gateway file and may be written by everybody/);
  });

  it('warns of a writable policy when checked', async () => {
    const file = folder.write('p.yaml', policy(ALLOW_ME));
    chmodSync(file, 0o666);
    assert.equal((await portcullis(['check', '--strict', file])).code, 0);
    const { code, stdout } = await portcullis(['check', '--strict', '--host', file]);
    assert.equal(code, 1);
    assert.match(stdout, /HOST_POLICY_WRITABLE/);
  });

  it('says where, which rule, and why, of a key that this host cannot answer (I4)', async () => {
    const file = folder.write('p.yaml', policy('{ id: traced, effect: deny, when: { linux:tracer: { exists: true } } }', '{ id: shadowed, effect: deny, mode: shadow, when: { linux:tracer: 1 } }', '{ id: skipped, effect: deny, onUnknown: skip, when: { linux:tracer: 2 } }', '{ id: me, effect: allow, when: { unix:uid: 7 } }'));
    const { policy: loaded, sources } = loadPolicy(file, { catalogue: await platformCatalogue('linux') });
    assert.ok(loaded);
    const found = new HostFindings(sources);
    hostWarnings(loaded, new Map([['linux:tracer', 'kernel-unsupported']]), found);
    assert.deepEqual(found.findings.map(({ code, place, message }) => `${code} ${String(place.line)} ${message}`), ['HOST_KEY_UNKNOWABLE 4 deny rule `traced` needs `linux:tracer` (kernel-unsupported), which this host cannot answer: it denies whoever the rest of it does not exclude']);
  });

  it('places them in the policy, lets it allow them, and says which comment allows nothing', async () => {
    const path = folder.at('tool');
    const file = folder.write('p.yaml', policy(`{ id: tool, effect: allow, when: { unix:uid: 7, unix:sha256: ${'a'.repeat(64)}, unix:path: ${path} } } # portcullis: allow HOST_PATH_REPLACEABLE a lab`));
    chmodSync(file, 0o644);
    const check = async (...args: readonly string[]) => JSON.parse((await portcullis(['check', '--format', 'json', ...args, file])).stdout) as { readonly warnings: number; readonly findings: readonly { code: string }[]; readonly suppressed: readonly { code: string; place: { line: number }; reason: string }[] };
    assert.deepEqual((await check()).findings, []);
    const here = await check('--host');
    assert.deepEqual(here.suppressed.map(({ code, place, reason }) => [code, place.line, reason]), [['HOST_PATH_REPLACEABLE', 4, 'a lab']]);
    folder.write('p.yaml', policy(`{ id: tool, effect: allow, when: { unix:uid: 7 } } # portcullis: allow HOST_PATH_REPLACEABLE a lab`));
    assert.deepEqual((await check()).findings, []);
    assert.deepEqual((await check('--host')).findings.filter(({ code }) => code !== 'HOST_POLICY_WRITABLE').map(({ code }) => code), ['SUPPRESSION_UNUSED']);
  });
});
