import assert from 'node:assert/strict';
import { closeSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { settle } from '@portcullis/core/platform/listen';
import { bindHeld } from '../../dist/listen/bind.js';
import { PATH_LIMITS } from '../../dist/listen/socket-address.js';
import { walkToParent } from '../../dist/listen/walk.js';
import { descriptors, knock, needLinux, port, refusalOf, Scratch } from './scratch.js';

const { longestName } = PATH_LIMITS;

describe('safe listen: the way to the parent folder (T18)', () => {
  let scratch: Scratch;
  let before_: number;
  before(function () { needLinux(this); });
  beforeEach(() => {
    scratch = new Scratch();
    before_ = descriptors();
  });
  afterEach(() => {
    assert.equal(descriptors(), before_, 'a descriptor was left open');
    scratch.remove();
  });

  const paths: readonly (readonly [string, string, string])[] = [
    ['a relative path', 'run/s', 'not-absolute'],
    ['an empty path', '', 'not-absolute'],
    ['an abstract name', '\0s', 'not-absolute'],
    ['a path with a NUL', '/run/s\0x', 'nul'],
    ['a path that ends in a slash', '/run/s/', 'name'],
    ['the root', '/', 'name'],
    ['a name of one dot', '/run/.', 'name'],
    ['a name of two dots', '/run/..', 'name'],
    ['a lone surrogate', '/run/\ud800', 'encoding'],
    ['a path past PATH_MAX', `/${'a/'.repeat(2048)}s`, 'path-too-long'],
    ['a name that does not fit in sun_path', `/run/${'n'.repeat(longestName + 1)}`, 'name-too-long'],
    ['a name too long in bytes, not in characters', `/run/${'é'.repeat(longestName / 2 + 1)}`, 'name-too-long'],
  ];
  for (const [what, path, reason] of paths) {
    it(`refuses ${what}`, () => {
      const error = refusalOf(() => port.bind({ path }));
      assert.deepEqual([error.code, error.facts['reason']], ['LISTEN_PATH', reason]);
      assert.equal(typeof error.facts['remedy'], 'string');
    });
  }

  it('binds the longest name, below a folder that sun_path could never hold', () => {
    let folder = scratch.path;
    for (let depth = 0; depth < 10; depth += 1) {
      folder += `/${'d'.repeat(40)}`;
      mkdirSync(folder, { mode: 0o755 });
    }
    const bound = scratch.bind({ path: `${folder}/${'n'.repeat(longestName)}` });
    assert.equal(bound.path.length, folder.length + 1 + longestName);
    closeSync(bound.fd);
    bound.release();
    assert.deepEqual(readdirSync(folder), []);
  });

  it('reports the real path of a name with dots and doubled slashes', () => {
    scratch.folder('a');
    const bound = scratch.bind({ path: `${scratch.path}//a/./..///a/s` });
    assert.equal(bound.path, scratch.at('a', 's'));
    closeSync(bound.fd);
    bound.release();
  });

  it('names the component that is missing', () => {
    const error = refusalOf(() => port.bind({ path: scratch.at('none', 'below', 's') }));
    assert.deepEqual([error.code, error.facts['component']], ['LISTEN_PARENT_MISSING', scratch.at('none')]);
    assert.equal(error.facts['errno'], 'ENOENT');
  });

  it('names the component that is no folder', () => {
    writeFileSync(scratch.at('file'), '');
    const error = refusalOf(() => port.bind({ path: scratch.at('file', 's') }));
    assert.deepEqual([error.code, error.facts['component'], error.facts['kind']], ['LISTEN_PARENT_MISSING', scratch.at('file'), 'file']);
  });

  for (const mode of [0o775, 0o757, 0o777, 0o720, 0o702]) {
    it(`refuses a parent folder of mode 0${mode.toString(8)}`, () => {
      const folder = scratch.folder('p', mode);
      const { code, facts } = refusalOf(() => port.bind({ path: `${folder}/s` }));
      assert.deepEqual([code, facts['component'], facts['mode']], ['LISTEN_PARENT_UNSAFE', folder, `0${mode.toString(8)}`]);
      assert.deepEqual([facts['owner'], facts['exception']], [process.geteuid?.(), 'parent-writable']);
      assert.deepEqual(readdirSync(folder), []);
    });
  }

  it('refuses a sticky parent folder: /tmp itself', () => {
    const { code, facts } = refusalOf(() => port.bind({ path: '/tmp/portcullis-never' }));
    assert.deepEqual([code, facts['component'], facts['mode']], ['LISTEN_PARENT_UNSAFE', '/tmp', '1777']);
  });

  it('refuses an ancestor that others may write, sticky or not, when it is not root\'s', function () {
    for (const mode of [0o777, 0o775]) {
      const name = `a${mode.toString(8)}`;
      scratch.folder(name, mode);
      mkdirSync(scratch.at(name, 'p'), { mode: 0o755 });
      const { code, facts } = refusalOf(() => port.bind({ path: scratch.at(name, 'p', 's') }));
      assert.deepEqual([code, facts['component'], facts['reason']], ['LISTEN_ANCESTOR_UNSAFE', scratch.at(name), 'writable']);
      assert.equal(facts['exception'], 'ancestor-unsafe');
    }
  });

  it('grants an exception by name, and records it only where it was needed', () => {
    const exceptions = ['parent-writable', 'parent-foreign', 'ancestor-unsafe'] as const;
    const writable = scratch.folder('w', 0o777);
    const cases: readonly (readonly [string, readonly string[]])[] = [
      [scratch.at('s'), []],
      [`${writable}/s`, ['parent-writable']],
      [`${writable}/p/s`, ['ancestor-unsafe']],
    ];
    mkdirSync(`${writable}/p`, { mode: 0o755 });
    for (const [path, used] of cases) {
      const bound = scratch.bind({ path, exceptions });
      assert.deepEqual(bound.used, used);
      closeSync(bound.fd);
      bound.release();
    }
  });

  it('does not take one exception for another', () => {
    const folder = scratch.folder('w', 0o777);
    const exceptions = ['parent-foreign', 'ancestor-unsafe'] as const;
    assert.equal(refusalOf(() => port.bind({ path: `${folder}/s`, exceptions })).code, 'LISTEN_PARENT_UNSAFE');
  });

  it('binds in the folder it holds when that was moved and another took its place, then refuses and leaves both as they were', async () => {
    const folder = scratch.folder('p');
    const parent = walkToParent(`${folder}/s`, new Set());
    renameSync(folder, scratch.at('moved'));
    scratch.folder('p');
    writeFileSync(`${folder}/s`, 'decoy'); // a bind by path would stop at it: LISTEN_EXISTS
    const { code, facts } = refusalOf(() => bindHeld(parent, settle({ path: `${folder}/s` })));
    assert.deepEqual([code, facts['reason']], ['LISTEN_VERIFY', 'path']);
    assert.deepEqual(readdirSync(scratch.at('moved')), []);
    assert.deepEqual(readdirSync(folder), ['s']);
    assert.equal(await knock(`${folder}/s`), 'ECONNREFUSED');
  });

  it('binds in the folder it holds when a link to another took its place', () => {
    const folder = scratch.folder('p');
    const parent = walkToParent(`${folder}/s`, new Set());
    renameSync(folder, scratch.at('moved'));
    const trap = scratch.folder('trap');
    symlinkSync(trap, folder);
    assert.equal(refusalOf(() => bindHeld(parent, settle({ path: `${folder}/s` }))).code, 'LISTEN_VERIFY');
    assert.deepEqual([readdirSync(trap), readdirSync(scratch.at('moved'))], [[], []]);
  });

  it('serves on when the folder is moved after the bind, and removes the socket from there', async () => {
    const folder = scratch.folder('p');
    const bound = scratch.bind({ path: `${folder}/s` });
    renameSync(folder, scratch.at('moved'));
    assert.equal(await knock(scratch.at('moved', 's')), 'connected');
    closeSync(bound.fd);
    bound.release();
    assert.deepEqual(readdirSync(scratch.at('moved')), []);
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('says which system call failed where the file system takes no socket', () => {
    const { code, facts } = refusalOf(() => port.bind({ path: '/proc/portcullis' }));
    assert.equal(code, 'LISTEN_SYSTEM');
    assert.equal(typeof facts['call'], 'string');
    assert.match(String(facts['errno']), /^E[A-Z]+$/);
  });
});
