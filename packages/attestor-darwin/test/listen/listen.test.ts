import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, lchownSync, linkSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, Server } from 'node:net';
import { join } from 'node:path';
import { PortcullisError, type BindOptions, type BoundSocket, type Fd, type ListenPort } from '@portcullis/core';
import { requireRoot } from '@portcullis/testkit';
import { settle } from '@portcullis/core/platform/listen';
import type { Libc } from '../../dist/ffi/libc.js';
import { bindHeld } from '../../dist/listen/bind.js';
import { darwinListenPort } from '../../dist/listen/listen-port.js';
import { walkToParent } from '../../dist/listen/walk.js';
import { anyLibc } from '../support/any-libc.js';

const STRANGER = 1234;

describe('attestor-darwin: safe listen (T18)', () => {
  let libc: Libc;
  let port: ListenPort;
  let top: string;
  let folder: string;
  let path: string;
  const made: BoundSocket[] = [];
  before(function () { libc = anyLibc(this); port = darwinListenPort(libc); });
  beforeEach(() => {
    top = realpathSync(mkdtempSync('/tmp/portcullis-listen-'));
    folder = join(top, 'run');
    mkdirSync(folder, { mode: 0o755 });
    path = join(folder, 's.sock');
  });
  afterEach(() => {
    for (const bound of made.splice(0)) {
      bound.release();
      libc.close(bound.fd);
    }
    rmSync(top, { recursive: true, force: true });
  });

  function bind(options: Partial<BindOptions> = {}): BoundSocket {
    const bound = port.bind({ path, ...options });
    made.push(bound);
    return bound;
  }

  /** The code and the reason of the refusal; the folder is left as it was. */
  function refusal(options: Partial<BindOptions> = {}): string {
    const was = readdirSync(folder);
    const cwd = process.cwd();
    try {
      bind(options);
    } catch (error) {
      assert.ok(error instanceof PortcullisError, String(error));
      assert.deepEqual(readdirSync(folder), was);
      assert.equal(process.cwd(), cwd);
      return [error.code, error.facts['reason']].filter((part) => part !== undefined).join(' ');
    }
    return 'bound';
  }

  /** A socket with a name that nobody is bound to any more. */
  function leaveStale(): void {
    const gone = "require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))";
    spawnSync(process.execPath, ['-e', gone, path]);
    assert.ok(lstatSync(path).isSocket());
  }

  it('binds, and a client gets through', async () => {
    const bound = bind();
    assert.equal(bound.path, path);
    assert.deepEqual([bound.used, bound.replacedStale], [[], false]);
    const server = new Server((socket) => { socket.end('hello'); }).listen({ fd: bound.fd });
    const client = connect(path);
    assert.equal(String((await once(client, 'data'))[0]), 'hello');
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
    made.splice(0)[0]?.release();
    assert.equal(existsSync(path), false);
  });

  for (const mode of [0o600, 0o660, 0o666, 0o700, 0o000]) {
    it(`has mode 0${mode.toString(8)} from the start, whatever the umask`, () => {
      const before = process.umask(0o077);
      try {
        bind({ mode });
        assert.equal(lstatSync(path).mode & 0o7777, mode);
      } finally {
        assert.equal(process.umask(before), 0o077);
      }
    });
  }

  it('is given its group before the group is given any permission', function () {
    requireRoot(this, 'gives a file to another group');
    bind({ mode: 0o660, gid: STRANGER });
    const { mode, gid } = lstatSync(path);
    assert.deepEqual([mode & 0o7777, gid], [0o660, STRANGER]);
  });

  it('leaves nothing but the socket, and the working folder where it was', () => {
    const cwd = process.cwd();
    bind();
    assert.deepEqual(readdirSync(folder), ['s.sock']);
    assert.equal(process.cwd(), cwd);
  });

  it('takes a folder whose path is longer than any address of a socket', () => {
    const deep = join(folder, 'd'.repeat(100), 'e'.repeat(100));
    mkdirSync(deep, { recursive: true });
    assert.equal(bind({ path: join(deep, 's') }).path, join(deep, 's'));
    assert.equal(refusal({ path: join(folder, 'n'.repeat(104)) }), 'LISTEN_PATH name-too-long');
  });

  for (const [options, said] of [
    [{ path: 'relative.sock' }, 'LISTEN_PATH not-absolute'],
    [{ path: '/tmp/a\0b' }, 'LISTEN_PATH nul'],
    [{ path: '/tmp/' }, 'LISTEN_PATH name'],
    [{ path: `/${'a/'.repeat(600)}s` }, 'LISTEN_PATH path-too-long'],
    [{ mode: 0o1777 }, 'LISTEN_OPTIONS'],
    [{ backlog: 0 }, 'LISTEN_OPTIONS'],
    [{ exceptions: ['everything'] as never }, 'LISTEN_OPTIONS'],
  ] as const) {
    it(`refuses ${JSON.stringify(options).slice(0, 60)}`, () => { assert.equal(refusal(options as Partial<BindOptions>), said); });
  }

  it('refuses a parent that is not there, and one that is no folder', () => {
    assert.equal(refusal({ path: join(folder, 'nowhere', 's') }), 'LISTEN_PARENT_MISSING');
    writeFileSync(join(folder, 'file'), '');
    assert.equal(refusal({ path: join(folder, 'file', 's') }), 'LISTEN_PARENT_MISSING');
  });

  it('refuses a parent that others may write, unless it is exempt by name', () => {
    for (const mode of [0o775, 0o757, 0o1777]) {
      chmodSync(folder, mode);
      assert.equal(refusal(), 'LISTEN_PARENT_UNSAFE writable');
    }
    assert.deepEqual(bind({ exceptions: ['parent-writable', 'ancestor-unsafe'] }).used, ['parent-writable']);
  });

  it('refuses an ancestor that others may write, unless it is sticky and root\'s', () => {
    chmodSync(top, 0o777);
    assert.equal(refusal(), 'LISTEN_ANCESTOR_UNSAFE writable');
    assert.deepEqual(bind({ exceptions: ['ancestor-unsafe'] }).used, ['ancestor-unsafe']);
  });

  it('refuses what belongs to a stranger: parent, ancestor and link', function () {
    requireRoot(this, 'makes files of another user');
    symlinkSync(folder, join(top, 'link'));
    assert.equal(bind({ path: join(top, 'link', 'via-root') }).path, join(folder, 'via-root'));
    const theirs = join(top, 'theirs');
    symlinkSync(folder, theirs);
    lchownSync(theirs, STRANGER, 0);
    assert.equal(refusal({ path: join(theirs, 's') }), 'LISTEN_SYMLINK owner');
    chownSync(folder, STRANGER, 0);
    assert.equal(refusal(), 'LISTEN_PARENT_UNSAFE owner');
    const below = join(folder, 'below');
    mkdirSync(below);
    assert.equal(refusal({ path: join(below, 's') }), 'LISTEN_ANCESTOR_UNSAFE owner');
  });

  it('refuses links that lead round, and goes up by what it passed', function () {
    requireRoot(this, 'only a link of root\'s is followed');
    symlinkSync('round', join(folder, 'round'));
    assert.equal(refusal({ path: join(folder, 'round', 's') }), 'LISTEN_SYMLINK too-many');
    assert.equal(bind({ path: `${folder}/../run/./s2` }).path, join(folder, 's2'));
  });

  it('takes over a stale socket of ours, and says so', () => {
    leaveStale();
    assert.equal(bind().replacedStale, true);
  });

  it('leaves a live socket alone, one that does not listen too', () => {
    const live = bind();
    assert.equal(refusal(), 'LISTEN_IN_USE bound');
    assert.ok(lstatSync(live.path).isSocket());
    const silent = join(folder, 'silent');
    const quiet = libc.socket(1, 1, 0) as Fd;
    const parent = walkToParent(libc, silent, new Set());
    assert.equal(parent.folder.within(() => libc.bind(quiet, Buffer.concat([Buffer.of(8, 1), Buffer.from('silent')]), 8)), 0);
    parent.folder.close();
    assert.equal(refusal({ path: silent }), 'LISTEN_IN_USE bound');
    libc.close(quiet);
  });

  it('never removes what is no socket, a link to one, or a stranger\'s', function () {
    writeFileSync(path, 'kept');
    assert.equal(refusal(), 'LISTEN_EXISTS');
    assert.equal(readFileSync(path, 'utf8'), 'kept');
    rmSync(path);
    const other = bind({ path: join(folder, 'other') });
    symlinkSync(other.path, path);
    assert.equal(refusal(), 'LISTEN_EXISTS');
    rmSync(path);
    requireRoot(this, 'makes files of another user');
    leaveStale();
    chownSync(path, STRANGER, 0);
    assert.equal(refusal(), 'LISTEN_STALE_FOREIGN');
  });

  it('binds in the folder it holds when that was moved and another took its place, then refuses and leaves both as they were', () => {
    const parent = walkToParent(libc, path, new Set());
    const moved = join(top, 'moved');
    renameSync(folder, moved);
    mkdirSync(folder);
    assert.throws(() => bindHeld(libc, parent, settle({ path })), { code: 'LISTEN_VERIFY' });
    assert.deepEqual([readdirSync(moved), readdirSync(folder)], [[], []]);
  });

  it('releases its own name and no successor\'s', () => {
    const bound = bind();
    renameSync(path, join(folder, 'away'));
    writeFileSync(path, 'another\'s');
    bound.release();
    bound.release();
    assert.equal(readFileSync(path, 'utf8'), 'another\'s');
  });

  it('does not verify a socket that got a second name', () => {
    const parent = walkToParent(libc, path, new Set());
    const bindTwice = Object.create(libc, { bind: { value: (fd: number, address: Uint8Array, length: number) => {
      const result = libc.bind(fd, address, length);
      linkSync('./s.sock', './second');
      return result;
    } } }) as Libc;
    assert.throws(() => bindHeld(bindTwice, parent, settle({ path })), { code: 'LISTEN_VERIFY' });
    assert.deepEqual(readdirSync(folder), ['second']);
  });

  it('leaks no descriptor over a hundred refusals', () => {
    bind();
    const open = (): number => readdirSync('/dev/fd').length;
    refusal();
    const before = open();
    for (let round = 0; round < 100; round += 1) refusal();
    assert.equal(open(), before);
  });

  describe('a socket that somebody handed over', () => {
    function adoption(fd: number): unknown {
      try {
        port.adopt(fd as Fd);
        return 'adopted';
      } catch (error) {
        assert.ok(error instanceof PortcullisError && error.code === 'LISTEN_NOT_A_LISTENER', String(error));
        return error.facts['reason'];
      }
    }

    it('is adopted when it is a Unix stream socket that listens, and nothing else is (T14)', () => {
      assert.equal(adoption(bind().fd), 'adopted');
      const datagram = libc.socket(1, 2, 0);
      const unbound = libc.socket(1, 1, 0);
      const pair = new Int32Array(2);
      libc.socketpair(1, 1, 0, pair);
      const inet = libc.socket(2, 1, 0);
      assert.deepEqual([datagram, unbound, pair[0] ?? -1, inet, 1_000_000].map(adoption), ['type', 'not-listening', 'not-listening', 'domain', 'no-socket']);
      for (const fd of [datagram, unbound, ...pair, inet]) libc.close(fd);
    });
  });
});
