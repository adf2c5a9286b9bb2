import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compilePolicyText, loadPolicy } from '@portcullis/policy';
import { platformCatalogue } from '../../dist/compose/platform.js';
import { curl } from '../../dist/demo/client.js';
import { TEMPLATE, writePolicy } from '../../dist/demo/policy-file.js';

describe("the demo's policy", () => {
  it('is a sound policy as it is shipped: one warning, which its comments explain', async () => {
    const { policy, findings } = loadPolicy(TEMPLATE, { catalogue: await platformCatalogue('linux') });
    assert.ok(policy !== undefined);
    assert.deepEqual(findings.map(({ code }) => code), ['POLICY_PATH_WITHOUT_DIGEST']);
  });

  it('is filled with what was found, whatever that is called', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portcullis-policy-'));
    try {
      const file = join(folder, 'policy.yaml');
      const clients = { honest: curl(process.execPath, '/gate'), why: undefined, node: curl('/opt/"odd": [0, 4711] #\n', '/gate') };
      await writePolicy(file, { starter: 7, user: 7, stranger: undefined, jobs: undefined, why: '' }, clients);
      const text = readFileSync(file, 'utf8');
      const { policy } = compilePolicyText(text, { catalogue: await platformCatalogue('linux') });
      assert.ok(policy !== undefined);
      assert.ok(text.includes('unix:uid: [7]'));
      assert.ok(text.includes('"/opt/\\"odd\\": [0, 4711] #\\n"'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
