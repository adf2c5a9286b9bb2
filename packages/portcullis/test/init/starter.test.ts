import assert from 'node:assert/strict';
import { DARWIN_SELECTORS } from '@portcullis/attestor-darwin';
import { LINUX_SELECTORS } from '@portcullis/attestor-linux';
import { Catalogue } from '@portcullis/core';
import { formatDocument, formatFindings, loadPolicyTest, runTest } from '@portcullis/policy';
import { starterFiles } from '../../dist/init/starter.js';
import { Folder } from '../cli/support/folder.js';

describe('the starter files', () => {
  for (const [platform, selectors] of [['linux', LINUX_SELECTORS], ['darwin', DARWIN_SELECTORS]] as const) {
    for (const uid of [0, 501, 998, 999, 1000, 65534]) {
      it(`hold on ${platform}, made by uid ${String(uid)}`, () => {
        const folder = new Folder();
        try {
          const files = starterFiles({ platform, uid, socket: '/run/it\'s/"x"/gate.sock', upstream: '/run/a b/app.sock' });
          for (const [name, text] of files) {
            folder.write(name, text);
            assert.equal(formatDocument(text, name).text, text, name);
          }
          const { test, findings, sources } = loadPolicyTest(folder.at('policy.test.yaml'), { catalogue: new Catalogue(selectors) });
          assert.ok(test, formatFindings(findings, sources));
          assert.deepEqual(findings, []);
          assert.equal(runTest(test).ok, true);
        } finally {
          folder.remove();
        }
      });
    }
  }
});
