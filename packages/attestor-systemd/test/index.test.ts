import assert from 'node:assert/strict';
import * as systemd from '@portcullis/attestor-systemd';
import { LINUX_SELECTORS } from '@portcullis/attestor-linux';
import { ATTESTOR, Catalogue, PortcullisError, valueProblem } from '@portcullis/core';

describe('@portcullis/attestor-systemd', () => {
  it('exports these names and no others', () => {
    assert.deepEqual(Object.keys(systemd).sort(), ['SYSTEMD_SELECTORS', 'SystemdAttestor', 'register']);
  });

  it('claims no key of the platform, and gives examples that are values', () => {
    new Catalogue([...LINUX_SELECTORS, ...systemd.SYSTEMD_SELECTORS]);
    for (const { value, example } of systemd.SYSTEMD_SELECTORS) assert.equal(valueProblem(value, example), undefined);
  });

  it('registers one attestor, with options as a gateway file has them', () => {
    const registered: unknown[] = [];
    const register = (options: Record<string, unknown>) => { systemd.register({ register: (token, { useValue }) => registered.push([token, (useValue as systemd.SystemdAttestor).name]) }, options); };
    register({ busPath: '/run/dbus/system_bus_socket', uid: 0, timeoutMs: 1000 });
    assert.deepEqual(registered, [[ATTESTOR, 'systemd']]);
    for (const [option, value] of [['busPath', 'bus'], ['busPath', 7], ['uid', -1], ['uid', '0'], ['timeoutMs', 0], ['timeoutMs', 1.5], ['timeout', 1]] as const) {
      assert.throws(() => { register({ [option]: value }); }, (error) => error instanceof PortcullisError && error.code === 'PLUGIN_OPTIONS' && error.facts['option'] === option, option);
    }
  });
});
