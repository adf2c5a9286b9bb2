import 'reflect-metadata';
import assert from 'node:assert/strict';
import { DARWIN_SELECTORS } from '@portcullis/attestor-darwin';
import { LINUX_SELECTORS } from '@portcullis/attestor-linux';
import { skipUnless } from '@portcullis/testkit';
import { resolveParts } from '../../dist/compose/parts.js';
import { loadPlatform, platformCatalogue } from '../../dist/compose/platform.js';

describe('the platform of a gate', () => {
  it('has the keys of its package', async () => {
    assert.equal((await loadPlatform('linux')).selectors, LINUX_SELECTORS);
    assert.equal((await loadPlatform('darwin')).selectors, DARWIN_SELECTORS);
    assert.ok((await platformCatalogue('darwin')).find('darwin:team-id') !== undefined);
    assert.equal((await platformCatalogue('linux')).find('darwin:team-id'), undefined);
  });

  it('is that of this process unless another is named', async function () {
    skipUnless(this, process.platform === 'linux' || process.platform === 'darwin', 'needs a platform that has one');
    assert.equal((await loadPlatform()).name, process.platform);
    const { peerSource, attestors, listenPort, connectPort } = resolveParts(await loadPlatform());
    assert.deepEqual([peerSource.name, ...attestors.map(({ name }) => name)], [process.platform, process.platform]);
    assert.ok(listenPort !== undefined && connectPort !== undefined);
  });

  it('is made nowhere but on its own system, and there is none for others (I2)', async () => {
    const other = await loadPlatform(process.platform === 'darwin' ? 'linux' : 'darwin');
    assert.throws(() => resolveParts(other), { code: 'PLATFORM_UNSUPPORTED' });
    await assert.rejects(loadPlatform('win32'), { code: 'PLATFORM_UNSUPPORTED' });
  });
});
