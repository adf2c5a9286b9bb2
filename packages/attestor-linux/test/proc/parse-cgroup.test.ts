import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseCgroup, type CgroupLine } from '../../dist/proc/parse-cgroup.js';
import { bytes, fixture, hostile, scenariosWith } from './fixtures.js';

function parsed(text: string): readonly CgroupLine[] | undefined {
  return parseCgroup(bytes(text));
}

describe('parse-cgroup', () => {
  it('reads the hierarchies of a hybrid host in the order of the kernel', () => {
    const lines = parseCgroup(fixture('host-hybrid/cgroup'));
    assert.deepEqual(lines?.map((line) => line.hierarchy), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    assert.deepEqual(lines[0], { hierarchy: 9, controllers: ['name=systemd'], path: '/', deleted: false });
    assert.deepEqual(lines.at(-1), { hierarchy: 0, controllers: [], path: '/', deleted: false });
  });

  for (const scenario of scenariosWith('cgroup').filter((name) => name !== 'not-utf8-cgroup-name-hybrid')) {
    it(`understands ${scenario}`, () => {
      assert.ok(parseCgroup(fixture(`${scenario}/cgroup`)));
    });
  }

  it('reads paths above a namespaced reader', () => {
    const lines = parseCgroup(fixture('podman-private-cgroupns-hybrid/cgroup.host-process'));
    assert.ok(lines?.every((line) => line.path === '/../..'));
  });

  it('keeps colons, blanks and backslashes of a name, and tells a removed group only by its end', () => {
    const line = parseCgroup(fixture('hostile-cgroup-name-hybrid/cgroup'))?.at(-1);
    assert.deepEqual(line, { hierarchy: 0, controllers: [], path: '/a:b c\\012d', deleted: true });
    assert.deepEqual(parseCgroup(fixture('removed-group-hybrid/cgroup'))?.at(-1), { hierarchy: 0, controllers: [], path: '/gone', deleted: true });
  });

  it('takes ` (deleted)` for a name in version 1, where the kernel never appends it', () => {
    assert.deepEqual(parsed('1:cpu,cpuacct:/a (deleted)\n'), [{ hierarchy: 1, controllers: ['cpu', 'cpuacct'], path: '/a (deleted)', deleted: false }]);
  });

  it('refuses a name that is not UTF-8', () => {
    assert.equal(parseCgroup(fixture('not-utf8-cgroup-name-hybrid/cgroup')), undefined);
  });

  it('refuses what no kernel prints', () => {
    const refused = ['', '\n', '0::/', '0::relative\n', '0::\n', '0:cpu:/\n', '1::/\n', 'x::/\n', '::/\n', '0:/\n', '0::/a\n0::/b\n', '0::/a\n\n', '-1:cpu:/\n', '1:cp u:/\n', '0::/a\0b\n'];
    for (const text of refused) assert.equal(parsed(text), undefined, JSON.stringify(text));
    assert.equal(parsed(`0::/${'x'.repeat(4096)}\n`), undefined);
    assert.equal(parsed(Array.from({ length: 65 }, (_, i) => `${String(i + 1)}:cpu:/\n`).join('')), undefined);
  });

  it('gives back what was printed', () => {
    const path = fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => `/${text.replaceAll(/[\n\0]/g, '_')}`).filter((text) => !text.endsWith(' (deleted)'));
    const controllers = fc.constantFrom('name=systemd', 'cpu,cpuacct', 'memory', 'net_cls,net_prio');
    const v1 = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 99 }), controllers, path), { selector: ([id]) => id, maxLength: 12 });
    fc.assert(
      fc.property(v1, path, fc.boolean(), (lines, unified, deleted) => {
        const text = [...lines.map(([id, names, at]) => `${String(id)}:${names}:${at}\n`), `0::${unified}${deleted ? ' (deleted)' : ''}\n`].join('');
        assert.deepEqual(parsed(text), [
          ...lines.map(([hierarchy, names, at]) => ({ hierarchy, controllers: names.split(','), path: at, deleted: false })),
          { hierarchy: 0, controllers: [], path: unified, deleted },
        ]);
      }),
    );
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(hostile('podman-cgroupfs-hybrid/cgroup'), (noise) => (parseCgroup(noise), true)));
  });
});
