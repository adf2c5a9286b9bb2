import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { skipUnless } from '@portcullis/testkit';
import { ALLOW_ME, ALLOW_OTHER, Folder, ME, policy } from './support/folder.js';
import { Serving } from './support/serving.js';

function testThat(decision: 'allow' | 'deny'): string {
  return `apiVersion: portcullis/v1
kind: PolicyTest
policy: ./p.yaml
clock: 2026-11-28T09:00:00Z
peers: { me: { unix:uid: ${String(ME)} } }
cases:
  - { name: our own user, listener: g, peer: me, expect: { decision: ${decision} } }
`;
}

describe('portcullis serve: tests before a policy takes effect, and the last good one', function () {
  let folder: Folder;
  let serving: Serving | undefined;

  before(function () {
    skipUnless(this, process.platform === 'linux', 'needs Linux');
  });

  beforeEach(() => {
    folder = new Folder();
    folder.write('p.yaml', policy(ALLOW_ME));
    folder.write('p.test.yaml', testThat('allow'));
  });

  afterEach(async () => {
    await serving?.stop();
    serving = undefined;
    folder.remove();
  });

  function gatewayFile(words: string): string {
    return folder.write('g.yaml', `apiVersion: portcullis/v1\nkind: Gateway\nlisteners:\n  - { name: g, listen: { path: ${folder.at('g.sock')} }, upstream: 'unix:${folder.at('up.sock')}', policy: p.yaml, ${words} }\n`);
  }

  async function start(words: string): Promise<Serving> {
    return (serving = await Serving.start([gatewayFile(words)]));
  }

  async function refused(words: string): Promise<string> {
    serving = Serving.spawn([gatewayFile(words)]);
    assert.equal(await serving.exited, 1);
    return serving.stderr;
  }

  it('keeps the old policy while the tests of a new one do not hold, and names the case and the property', async () => {
    folder.write('p.test.yaml', `${testThat('allow')}properties:
  - { name: a sound one, never: { decision: deny, where: { unix:uid: ${String(ME)} } } }
  - { name: "that strangers\\e stay out", never: { decision: allow, where: { unix:uid: { not: ${String(ME)} } } } }
`);
    const gateway = await start('tests: [p.test.yaml]');
    folder.write('p.yaml', policy(ALLOW_OTHER));
    const { outcome, error, revision, previous } = await gateway.until('policy');
    assert.deepEqual([outcome, revision], ['rejected', previous]);
    const why = /p\.test\.yaml.*case `our own user`, property `a sound one`, property `that strangers\\u\{1b\} stay out`/;
    assert.match(String(error), why);
    assert.match(gateway.stderr, why);
  });

  it('puts it in force when its tests change so that they hold', async () => {
    const gateway = await start('tests: [p.test.yaml]');
    folder.write('p.yaml', policy(ALLOW_OTHER));
    await gateway.until('policy');
    folder.write('p.test.yaml', testThat('deny'));
    assert.equal((await gateway.until('policy', 2))['outcome'], 'loaded');
  });

  it('does not start with a policy whose tests do not hold, or cannot be run', async () => {
    folder.write('p.test.yaml', testThat('deny'));
    assert.match(await refused('tests: [p.test.yaml]'), /POLICY_TESTS.*\n?.*our own user/);
    assert.match(await refused('tests: [missing.yaml]'), /POLICY_TESTS/);
  });

  it('does not take tests of another policy for its own', async () => {
    folder.write('other.yaml', policy(ALLOW_ME, ALLOW_OTHER));
    folder.write('p.test.yaml', testThat('allow').replace('./p.yaml', './other.yaml'));
    assert.match(await refused('tests: [p.test.yaml]'), /POLICY_TESTS/);
  });

  it('goes on with the last good policy when it is started beside a broken one, and says so', async () => {
    const kept = folder.at('kept');
    const { policy: before } = await (await start(`lastGood: ${kept}`)).until('listening');
    await serving!.stop();
    folder.write('p.yaml', 'rules: [');
    const { policy: after, warnings } = await (await start(`lastGood: ${kept}`)).until('listening');
    assert.deepEqual(after, before);
    assert.match(JSON.stringify(warnings), /NOT in force.*p\.yaml:/);
    folder.write('p.yaml', policy(ALLOW_ME, ALLOW_OTHER));
    assert.equal((await serving!.until('policy'))['outcome'], 'loaded');
  });

  it('keeps each policy that takes effect, and none that was rejected', async () => {
    const gateway = await start(`tests: [p.test.yaml], lastGood: ${folder.at('kept')}`);
    const first = readFileSync(folder.at('kept'));
    folder.write('p.yaml', policy(ALLOW_OTHER));
    await gateway.until('policy');
    assert.ok(readFileSync(folder.at('kept')).equals(first));
    folder.write('p.yaml', policy(ALLOW_ME, ALLOW_OTHER));
    assert.equal((await gateway.until('policy', 2))['outcome'], 'loaded');
    assert.ok(!readFileSync(folder.at('kept')).equals(first));
  });

  it('starts with no last good policy that somebody else may have put there', async () => {
    const kept = folder.at('kept');
    await start(`lastGood: ${kept}`);
    await serving!.stop();
    chmodSync(kept, 0o666);
    folder.write('p.yaml', 'rules: [');
    assert.match(await refused(`lastGood: ${kept}`), /PROGRAM_UNTRUSTED/);
  });

  it('starts with none that was changed: its digest is looked at', async () => {
    const kept = folder.at('kept');
    await start(`lastGood: ${kept}`);
    await serving!.stop();
    const bytes = readFileSync(kept);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(kept, bytes);
    folder.write('p.yaml', 'rules: [');
    assert.match(await refused(`lastGood: ${kept}`), /POLICY_INVALID/);
    assert.ok(existsSync(kept));
  });

  it('says that a policy could not be kept, and goes on', async () => {
    const { warnings } = await (await start(`lastGood: ${folder.at('missing/kept')}`)).until('listening');
    assert.match(JSON.stringify(warnings), /could not be kept/);
  });
});
