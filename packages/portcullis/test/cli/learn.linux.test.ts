import assert from 'node:assert/strict';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { requireFeature, skipUnless } from '@portcullis/testkit';
import { ALLOW_ME, ALLOW_OTHER, Folder, policy } from './support/folder.js';
import { portcullis, portcullisProcess, run } from './support/run.js';
import { Serving } from './support/serving.js';
import { httpHello, UpstreamServer } from './support/upstream.js';

const CURL = '/usr/bin/curl';

describe('records of a real gateway', () => {
  let folder: Folder;
  let upstream: UpstreamServer;

  before(function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux');
    skipUnless(this, existsSync(CURL), 'needs curl');
  });
  beforeEach(async () => {
    folder = new Folder();
    upstream = await UpstreamServer.listen(folder.at('up.sock'), httpHello);
  });
  afterEach(async () => {
    await upstream.close();
    folder.remove();
  });

  /** The log of a gateway that some connections came to. */
  const record = async (text: string, ...more: readonly string[]): Promise<string> => {
    folder.write('served.yaml', text);
    const serving = await Serving.start(['--policy', folder.at('served.yaml'), '--listen', `unix:${folder.at('g.sock')}`, '--upstream', `unix:${folder.at('up.sock')}`, ...more]);
    try {
      for (let count = 1; count <= 2; count++) {
        await run(CURL, ['-s', '--max-time', '10', '--unix-socket', folder.at('g.sock'), 'http://x/']);
        await serving.until('decision', count);
      }
    } finally {
      await serving.stop();
    }
    writeFileSync(folder.at('log'), `${serving.lines.join('\n')}\n`);
    return folder.at('log');
  };

  it('replayed under the policy that was in force decide the same (I6)', async () => {
    for (const text of [policy(ALLOW_ME), policy(ALLOW_OTHER), policy(ALLOW_ME, '{ id: shadow, effect: deny, mode: shadow, when: { unix:path: { glob: "/**" } } }')]) {
      const { code, stdout } = await portcullis(['replay', '-p', folder.at('served.yaml'), await record(text)]);
      assert.match(stdout, /^2 decisions under .*: 2 as they were\n$/);
      assert.equal(code, 0);
    }
  });

  it('of observe mode are enough to learn from: who came comes in under the policy that was learnt', async () => {
    const log = await record(policy(ALLOW_OTHER), '--observe');
    const learnt = await portcullisProcess(['learn', log, '-o', folder.at('policy.yaml')]);
    assert.equal(learnt.code, 0, learnt.stderr);
    assert.match(learnt.stderr, /1 rule from 2 decisions/);
    assert.equal((await portcullis(['test', folder.at('policy.test.yaml')])).code, 0);
    const { stdout } = await portcullis(['replay', '--json', '-p', folder.at('policy.yaml'), log]);
    assert.equal((JSON.parse(stdout) as { readonly counts: { readonly admits: number } }).counts.admits, 2);
    // Beside a test that is there already no policy is written either.
    renameSync(folder.at('policy.yaml'), folder.at('aside.yaml'));
    assert.match((await portcullis(['learn', log, '-o', folder.at('policy.yaml')])).stderr, /REPORT_WRITE/);
    assert.ok(!existsSync(folder.at('policy.yaml')));
  });
});
