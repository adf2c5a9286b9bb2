import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync, chownSync, closeSync, existsSync, lchownSync, linkSync, lstatSync, mkdirSync, readdirSync, statSync, symlinkSync, unlinkSync, writeFileSync,
} from 'node:fs';
import { requireRoot, skipUnless } from '@portcullis/testkit';
import { ask, descriptors, knock, needLinux, port, rawBind, refusalOf, Scratch, serve, stop } from './scratch.js';
import { STRANGER, strangerBinds, strangerDoes, strangerKnocks } from './stranger.js';

describe('safe listen: against another user (T18)', () => {
  let scratch: Scratch;
  let open: number;
  before(function () {
    needLinux(this);
    requireRoot(this, 'needs root, to act as another user');
  });
  beforeEach(() => {
    scratch = new Scratch();
    open = descriptors();
  });
  afterEach(() => {
    assert.equal(descriptors(), open, 'a descriptor was left open');
    scratch.remove();
  });

  function foreignFolder(name: string, mode = 0o755): string {
    const folder = scratch.folder(name, mode);
    chownSync(folder, STRANGER, STRANGER);
    return folder;
  }

  /** Binds, hands back what was learnt, and leaves nothing. */
  function bindOnce(path: string, options: object = {}): { path: string; used: readonly string[] } {
    const bound = scratch.bind({ path, ...options });
    closeSync(bound.fd);
    bound.release();
    return { path: bound.path, used: bound.used };
  }

  it('refuses a client of another uid by the mode of the file, and serves one of ours', async () => {
    const bound = scratch.bind({ path: scratch.at('s') });
    const server = await serve(bound);
    assert.equal(strangerKnocks(bound.path), 'EACCES');
    assert.equal(await ask(bound.path), 'hello');
    await stop(server);
    bound.release();
  });

  it('lets the group in that was named, and keeps others out', () => {
    const bound = scratch.bind({ path: scratch.at('s'), mode: 0o660, gid: STRANGER });
    const stats = statSync(bound.path);
    assert.deepEqual([stats.uid, stats.gid, stats.mode & 0o7777], [0, STRANGER, 0o660]);
    assert.equal(strangerKnocks(bound.path), 'connected');
    chownSync(bound.path, 0, 0);
    assert.equal(strangerKnocks(bound.path), 'EACCES');
    closeSync(bound.fd);
    bound.release();
  });

  it('refuses the parent folder of another user', () => {
    const folder = foreignFolder('p');
    const { code, facts } = refusalOf(() => port.bind({ path: `${folder}/s` }));
    assert.deepEqual([code, facts['component'], facts['owner'], facts['mode']], ['LISTEN_PARENT_UNSAFE', folder, STRANGER, '0755']);
    assert.equal(facts['exception'], 'parent-foreign');
    assert.deepEqual(bindOnce(`${folder}/s`, { exceptions: ['parent-foreign'] }).used, ['parent-foreign']);
  });

  it('wants both exceptions for a folder that is foreign and writable', () => {
    const folder = foreignFolder('p', 0o777);
    for (const exception of ['parent-foreign', 'parent-writable'] as const) {
      assert.equal(refusalOf(() => port.bind({ path: `${folder}/s`, exceptions: [exception] })).code, 'LISTEN_PARENT_UNSAFE');
    }
    const exceptions = ['parent-foreign', 'parent-writable'];
    assert.deepEqual(bindOnce(`${folder}/s`, { exceptions }).used, exceptions);
  });

  it('refuses an ancestor of another user, also one that is sticky', () => {
    for (const mode of [0o755, 0o1777]) {
      const folder = foreignFolder(`a${String(mode)}`, mode);
      mkdirSync(`${folder}/p`, { mode: 0o755 });
      const { code, facts } = refusalOf(() => port.bind({ path: `${folder}/p/s` }));
      assert.deepEqual([code, facts['component'], facts['reason']], ['LISTEN_ANCESTOR_UNSAFE', folder, 'owner']);
      assert.deepEqual(bindOnce(`${folder}/p/s`, { exceptions: ['ancestor-unsafe'] }).used, ['ancestor-unsafe']);
    }
  });

  it('refuses the folder that a stranger made first in a sticky folder of root\'s', () => {
    const sticky = scratch.folder('sticky', 0o1777);
    assert.equal(strangerDoes(`mkdir -m 0755 ${sticky}/app`), true);
    assert.equal(refusalOf(() => port.bind({ path: `${sticky}/app/s` })).code, 'LISTEN_PARENT_UNSAFE');
    mkdirSync(`${sticky}/ours`, { mode: 0o755 });
    assert.equal(strangerDoes(`mv ${sticky}/ours ${sticky}/theirs`), false);
    assert.deepEqual(bindOnce(`${sticky}/ours/s`).used, []);
  });

  it('refuses a link that a stranger made in a sticky folder of root\'s', () => {
    const sticky = scratch.folder('sticky', 0o1777);
    const target = scratch.folder('target');
    assert.equal(strangerDoes(`ln -s ${target} ${sticky}/app`), true);
    const { code, facts } = refusalOf(() => port.bind({ path: `${sticky}/app/s` }));
    assert.deepEqual([code, facts['component'], facts['owner'], facts['reason']], ['LISTEN_SYMLINK', `${sticky}/app`, STRANGER, 'owner']);
    assert.deepEqual(readdirSync(target), []);
  });

  it('refuses a link of root\'s that has a second name in a folder that others may write', () => {
    const sticky = scratch.folder('sticky', 0o1777);
    scratch.folder('target');
    symlinkSync(scratch.at('target'), scratch.at('link'));
    linkSync(scratch.at('link'), `${sticky}/app`); // as anybody can where fs.protected_hardlinks is 0
    const { code, facts } = refusalOf(() => port.bind({ path: `${sticky}/app/s` }));
    assert.deepEqual([code, facts['reason']], ['LISTEN_SYMLINK', 'hard-link']);
  });

  it('follows links of root\'s, absolute, relative and in a row, and reports the real path', () => {
    scratch.folder('real');
    symlinkSync(scratch.at('real'), scratch.at('absolute'));
    symlinkSync('./real/../real', scratch.at('relative'));
    symlinkSync('relative', scratch.at('row'));
    for (const name of ['absolute', 'relative', 'row']) {
      assert.equal(bindOnce(scratch.at(name, 's')).path, scratch.at('real', 's'));
    }
  });

  it('follows /var/run', function () {
    skipUnless(this, existsSync('/var/run') && lstatSync('/var/run').isSymbolicLink(), '/var/run is no link here');
    const name = `portcullis-test-${String(process.pid)}`;
    assert.equal(bindOnce(`/var/run/${name}`).path, `/run/${name}`);
  });

  it('holds what a link leads to against the same rules', () => {
    const folder = foreignFolder('p');
    symlinkSync(folder, scratch.at('link'));
    assert.equal(refusalOf(() => port.bind({ path: scratch.at('link', 's') })).code, 'LISTEN_PARENT_UNSAFE');
    symlinkSync('/tmp', scratch.at('tmp'));
    assert.equal(refusalOf(() => port.bind({ path: scratch.at('tmp', 's') })).facts['component'], '/tmp');
  });

  it('ends where links lead in a ring', () => {
    symlinkSync('b', scratch.at('a'));
    symlinkSync('a', scratch.at('b'));
    const { code, facts } = refusalOf(() => port.bind({ path: scratch.at('a', 's') }));
    assert.deepEqual([code, facts['reason']], ['LISTEN_SYMLINK', 'too-many']);
  });

  it('refuses a stranger\'s link as the last component, whose target would be theirs to choose', () => {
    symlinkSync('/etc/shadow', scratch.at('s'));
    lchownSync(scratch.at('s'), STRANGER, STRANGER);
    const { code, facts } = refusalOf(() => port.bind({ path: scratch.at('s') }));
    assert.deepEqual([code, facts['kind'], facts['owner']], ['LISTEN_EXISTS', 'link', STRANGER]);
    unlinkSync(scratch.at('s'));
  });

  it('never removes a socket of another user, live or dead', async () => {
    const path = scratch.at('s');
    const fd = rawBind(path);
    chownSync(path, STRANGER, STRANGER);
    for (const liveness of ['bound', 'dead']) {
      const { code, facts } = refusalOf(() => port.bind({ path }));
      assert.deepEqual([code, facts['owner'], facts['liveness']], ['LISTEN_STALE_FOREIGN', STRANGER, liveness]);
      if (liveness === 'bound') closeSync(fd);
    }
    assert.equal(await knock(path), 'ECONNREFUSED');
    unlinkSync(path);
  });

  it('refuses a lock file of another user, who could hold it for ever', () => {
    const folder = scratch.folder('w', 0o777);
    assert.equal(strangerDoes(`: > ${folder}/.s.lock`), true);
    const { code, facts } = refusalOf(() => port.bind({ path: `${folder}/s`, exceptions: ['parent-writable'] }));
    assert.deepEqual([code, facts['component']], ['LISTEN_SYSTEM', `${folder}/.s.lock`]);
    assert.deepEqual(readdirSync(folder), ['.s.lock']);
  });

  it('works for a gateway that is not root: in a folder of its own, over its own stale socket, and nowhere else', () => {
    const folder = foreignFolder('p');
    assert.equal(strangerBinds(`${folder}/s`), 'bound');
    assert.equal(strangerBinds(`${folder}/s`), 'bound took-over');
    unlinkSync(`${folder}/s`);
    scratch.stale(`${folder}/s`);
    assert.equal(strangerBinds(`${folder}/s`), 'LISTEN_STALE_FOREIGN');
    unlinkSync(`${folder}/s`);
    assert.equal(strangerBinds(scratch.at('s')), 'LISTEN_SYSTEM EACCES');
    chmodSync(scratch.path, 0o700);
    assert.equal(strangerBinds(`${folder}/s`), 'LISTEN_SYSTEM EACCES');
  });

  it('refuses a gateway that is not root a link of its own', () => {
    const folder = foreignFolder('p');
    assert.equal(strangerDoes(`mkdir ${folder}/real && ln -s real ${folder}/link`), true);
    assert.equal(strangerBinds(`${folder}/link/s`), 'LISTEN_SYMLINK');
  });

  function mounted(options: string, act: (folder: string) => void): boolean {
    const folder = scratch.folder('mount');
    const mount = spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', `mode=0755,${options}`, 'portcullis', folder]);
    if (mount.status !== 0) return false;
    try {
      act(folder);
    } finally {
      spawnSync('/bin/umount', [folder]);
    }
    return true;
  }

  it('says EROFS on a read-only file system', function () {
    const done = mounted('ro', (folder) => {
      const { code, facts } = refusalOf(() => port.bind({ path: `${folder}/s` }));
      assert.deepEqual([code, facts['errno']], ['LISTEN_SYSTEM', 'EROFS']);
    });
    skipUnless(this, done, 'cannot mount a tmpfs here');
  });

  for (const [inodes, failing] of [[1, 'openat'], [2, 'bind']] as const) {
    it(`says ENOSPC when ${failing} finds the file system full, and leaves nothing`, function () {
      const done = mounted(`nr_inodes=${String(inodes)}`, (folder) => {
        const { code, facts } = refusalOf(() => port.bind({ path: `${folder}/s` }));
        assert.deepEqual([code, facts['errno'], String(facts['call']).startsWith(failing)], ['LISTEN_SYSTEM', 'ENOSPC', true]);
        assert.deepEqual(readdirSync(folder), []);
      });
      skipUnless(this, done, 'cannot mount a tmpfs here');
    });
  }

  it('leaves the stale path, and does not throw, when the disk is full at the release', function () {
    const done = mounted('nr_inodes=3', (folder) => {
      const bound = scratch.bind({ path: `${folder}/s` });
      writeFileSync(`${folder}/filler`, '');
      closeSync(bound.fd);
      bound.release();
      assert.deepEqual(readdirSync(folder).sort(), ['filler', 's']);
    });
    skipUnless(this, done, 'cannot mount a tmpfs here');
  });
});
