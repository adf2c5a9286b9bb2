import assert from 'node:assert/strict';
import { cpio, FILE, FOLDER, LINK } from '../dist/cpio.js';
import { UsageError } from '../dist/failure.js';
import { testFeatures } from '../dist/features.js';
import { missingTests, testParts } from '../dist/guest-tree.js';
import { moduleName, moduleOrder, neededBy } from '../dist/module-order.js';
import { parseOptions } from '../dist/options.js';
import { duration, whereIn } from '../dist/progress.js';
import { parseReport } from '../dist/qemu.js';
import { isSince, versionOf } from '../dist/version.js';

describe('versions of kernels', () => {
  it('are the first two numbers of a release', () => {
    assert.equal(versionOf('6.12.107+deb13-cloud-amd64'), '6.12');
    assert.equal(versionOf('7.2-rc1'), '7.2');
    assert.throws(() => versionOf('cloud-amd64'));
    assert.throws(() => versionOf('6.1234'));
  });

  it('are compared as numbers', () => {
    assert.ok(isSince('6.12', '6.5'));
    assert.ok(isSince('7.0', '6.17'));
    assert.ok(isSince('6.5', '6.5'));
    assert.ok(!isSince('5.10', '5.14'));
    assert.ok(!isSince('5.19', '6.0'));
  });
});

describe('what the tests must find on a kernel', () => {
  it('is what came with it or before, and what a later one took away', () => {
    const has = (version: string) => ['user-overlay', 'peerpidfd', 'kept', 'exec-waits', 'exec-waits-links', 'root'].map((name) => testFeatures(versionOf(version)).includes(name));
    assert.deepEqual(has('5.10'), [false, false, false, true, false, true]);
    assert.deepEqual(has('6.12'), [true, true, false, false, false, true]);
    assert.deepEqual(has('6.18'), [true, true, true, false, true, true]);
    assert.deepEqual(has('7.3'), [true, true, true, false, false, true]);
  });
});

describe('options of test:kernels', () => {
  const names = (...args: string[]) => {
    const options = parseOptions(args, {});
    return options === 'help' ? options : options.series.flatMap(({ name, modules }) => modules.map((module) => `${name} ${module}`));
  };

  it('choose kernels and modules, and all of them when nothing is said', () => {
    assert.deepEqual(names('--only', '6.12'), ['6.12 apparmor']);
    assert.deepEqual(names('--only', 'newest,6.1', '--module', 'selinux'), ['6.1 selinux', 'newest selinux']);
    assert.deepEqual(names(), ['5.10 apparmor', '6.1 apparmor', '6.1 selinux', '6.12 apparmor', 'newest apparmor', 'newest selinux']);
    assert.equal(names('--help'), 'help');
  });

  it('leave a guest the clock of its host, unless it is to have its own', () => {
    const ownClock = (...args: readonly string[]) => {
      const options = parseOptions(args, {});
      return options === 'help' ? undefined : options.ownClock;
    };
    assert.deepEqual([ownClock(), ownClock('--own-clock')], [false, true]);
  });

  it('run the tests as root and as a user, or as one of them', () => {
    const who = (...args: readonly string[]) => {
      const options = parseOptions(args, {});
      return options === 'help' ? undefined : options.who;
    };
    assert.deepEqual([who(), who('--who', 'user'), who('--who', 'user,root')], [['root', 'user'], ['user'], ['root', 'user']]);
  });

  it('say no to what there is not', () => {
    for (const args of [['--who', 'nobody'], ['--only', '4.19'], ['--only', ''], ['--module', 'smack'], ['--only', '5.10', '--module', 'selinux'], ['--limit', 'soon'], ['--limit', '0'], ['--frobnicate'], ['6.12'], ['--write', '--only', '6.12'], ['--write', '--module', 'selinux'], ['--tests', '../core'], ['--tests', 'probes,*']]) {
      assert.throws(() => parseOptions(args, {}), UsageError, args.join(' '));
    }
  });

  it('keep packages in a folder of the user\'s own', () => {
    const cacheOf = (args: readonly string[], env: NodeJS.ProcessEnv) => {
      const options = parseOptions(args, env);
      return options === 'help' ? undefined : options.cache;
    };
    assert.equal(cacheOf([], { XDG_CACHE_HOME: '/var/cache/me' }), '/var/cache/me/portcullis-kernels');
    assert.equal(cacheOf(['--cache', '/srv/k'], { XDG_CACHE_HOME: '/var/cache/me' }), '/srv/k');
    assert.match(cacheOf([], {}) ?? '', /portcullis-kernels-[0-9]+$/);
  });
});

describe('the modules of a kernel', () => {
  const module = (depends: string) => Buffer.from(`\x7fELF junk depends=no\0license=GPL\0depends=${depends}\0name=x\0`, 'latin1');

  it('are loaded after what they need, once each; what is built in is left out', () => {
    const files = new Map([['virtio', module('')], ['virtio_ring', module('virtio')], ['virtio_blk', module('virtio_ring,virtio')], ['virtio_pci', module('virtio_ring')]]);
    const ordered = moduleOrder(['virtio_blk', 'virtio_pci', 'ext4'], (name) => files.get(name));
    assert.deepEqual(ordered, ['virtio', 'virtio_ring', 'virtio_blk', 'virtio_pci'].map((name) => files.get(name)));
  });

  it('say what they need in their own words', () => {
    assert.deepEqual(neededBy(module('a,b')), ['a', 'b']);
    assert.deepEqual(neededBy(module('')), []);
    assert.deepEqual(neededBy(Buffer.from('no such field')), []);
  });

  it('are named with underscores', () => {
    assert.equal(moduleName('drivers/block/virtio-blk.ko.xz'), 'virtio_blk');
    assert.equal(moduleName('unix_diag.ko'), 'unix_diag');
  });
});

describe('an archive for the kernel', () => {
  it('has aligned members with their modes, and an end', () => {
    const bytes = Buffer.concat([...cpio([
      { path: 'a', mode: FOLDER | 0o755 }, { path: 'a/file', mode: FILE | 0o600, data: Buffer.from('12345') }, { path: 'a/link', mode: LINK | 0o777, data: Buffer.from('file') },
    ])]);
    assert.equal(bytes.length % 4, 0);
    const members: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      assert.equal(bytes.toString('latin1', at, at + 6), '070701');
      const field = (index: number) => Number.parseInt(bytes.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
      const [mode, uid, size, nameSize] = [field(1), field(2), field(6), field(11)];
      const name = bytes.toString('latin1', at + 110, at + 110 + nameSize - 1);
      const data = at + Math.ceil((110 + nameSize) / 4) * 4;
      members.push(`${name} ${mode.toString(8)} ${String(uid)} ${bytes.toString('latin1', data, data + size)}`);
      at = data + Math.ceil(size / 4) * 4;
    }
    assert.deepEqual(members, ['a 40755 0 ', 'a/file 100600 0 12345', 'a/link 120777 0 file', 'TRAILER!!! 0 0 ']);
  });
});

describe('tests that are asked for by name', () => {
  it('are missing where no file and no folder has that name, so that no run is about nothing', () => {
    assert.deepEqual(missingTests(['probes', 'probes/labels', 'attacks/exec', 'fallbacks', 'probes/label', 'attack/exec', 'support/stage']), ['probes/label', 'attack/exec', 'support/stage']);
  });

  it('are all of them where none is named: every folder with tests and every file beside those, each once', () => {
    const parts = testParts();
    assert.deepEqual(missingTests(parts), []);
    assert.deepEqual(['attacks', 'faults', 'fallbacks', 'support', 'attacks/exec'].map((name) => parts.filter((part) => part === name).length), [1, 1, 1, 0, 0]);
  });
});

describe('the report of a guest', () => {
  it('is read line by line, without what it could not finish', () => {
    assert.deepEqual(parseReport('{"kernel":"6.1.0"}\r\n{"done":true}\n{"wh'), [{ kernel: '6.1.0' }, { done: true }]);
    assert.deepEqual(parseReport(''), []);
  });
});

describe('the progress of a guest', () => {
  it('is the last group that ended, and what failed so far', () => {
    assert.equal(whereIn('booting\r\n'), 'no test has ended yet');
    const console = '  ✗ pins › of the dead: no\r\n  ✗ pins: 3 passed, 1 failed (2.0 s)\r\n  ✓ parsers: 6 passed (1.2 s)\r\n  ✓ half a li';
    assert.equal(whereIn(console), 'done last: parsers: 6 passed (1.2 s); 1 failed so far');
  });

  it('has times that are read at a glance', () => {
    assert.deepEqual([48_300, 1_860_000, 9_000_000].map(duration), ['48 s', '31 min', '2 h 30 min']);
  });
});
