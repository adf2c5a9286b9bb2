import assert from 'node:assert/strict';
import * as systemd from '@portcullis/attestor-systemd';
import { LINUX_SELECTORS } from '@portcullis/attestor-linux';
import { Catalogue, valueProblem } from '@portcullis/core';

describe('@portcullis/attestor-systemd', () => {
  it('exports these names and no others', () => {
    assert.deepEqual(Object.keys(systemd).sort(), ['SYSTEMD_SELECTORS', 'SystemdAttestor', 'register']);
  });

  it('claims no key of the platform, and gives examples that are values', () => {
    new Catalogue([...LINUX_SELECTORS, ...systemd.SYSTEMD_SELECTORS]);
    for (const { value, example } of systemd.SYSTEMD_SELECTORS) assert.equal(valueProblem(value, example), undefined);
  });
});
