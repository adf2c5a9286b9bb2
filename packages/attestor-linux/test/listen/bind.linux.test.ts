import assert from 'node:assert/strict';
import { closeSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import type { ListenException } from '@portcullis/core';
import { ask, descriptors, needLinux, port, refusalOf, Scratch, serve, stop } from './scratch.js';

describe('safe listen: bind', () => {
  let scratch: Scratch;
  before(function () { needLinux(this); });
  beforeEach(() => { scratch = new Scratch(); });
  afterEach(() => { scratch.remove(); });

  it('serves a real client through node:net', async () => {
    const bound = scratch.bind({ path: scratch.at('s') });
    const server = await serve(bound);
    assert.equal(await ask(bound.path), 'hello');
    await stop(server);
  });

  it('makes a socket of mode 0600 that is ours, and nothing beside it', () => {
    const bound = scratch.bind({ path: scratch.at('s') });
    const stats = statSync(scratch.at('s'));
    assert.equal(stats.isSocket(), true);
    assert.equal(stats.mode & 0o7777, 0o600);
    assert.equal(stats.uid, process.geteuid?.());
    assert.deepEqual(readdirSync(scratch.path), ['s']);
    assert.deepEqual([bound.path, bound.used, bound.replacedStale], [scratch.at('s'), [], false]);
    closeSync(bound.fd);
  });

  for (const mode of [0o000, 0o200, 0o600, 0o660, 0o666, 0o777]) {
    for (const umask of [0o000, 0o022, 0o077, 0o777]) {
      it(`gives mode 0${mode.toString(8)} under a umask of 0${umask.toString(8)}`, () => {
        const before = process.umask(umask);
        try {
          closeSync(scratch.bind({ path: scratch.at('s'), mode }).fd);
        } finally {
          process.umask(before);
        }
        assert.equal(statSync(scratch.at('s')).mode & 0o7777, mode);
      });
    }
  }

  it('does not touch the umask of the process', () => {
    const before = process.umask(0o027);
    try {
      closeSync(scratch.bind({ path: scratch.at('s'), mode: 0o666 }).fd);
    } finally {
      assert.equal(process.umask(before), 0o027);
    }
  });

  it('listens at once, so that a client is queued before anybody accepts', () => {
    const bound = scratch.bind({ path: scratch.at('s'), backlog: 1 });
    assert.doesNotThrow(() => { port.adopt(bound.fd); });
    closeSync(bound.fd);
  });

  it('makes a close-on-exec descriptor', () => {
    const bound = scratch.bind({ path: scratch.at('s') });
    const flags = /^flags:\s+([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${String(bound.fd)}`, 'utf8'))?.[1] ?? '0';
    assert.equal(Number.parseInt(flags, 8) & 0o2000000, 0o2000000);
    closeSync(bound.fd);
  });

  it('leaves the path in place when node closes the server, until it is released', async () => {
    const bound = scratch.bind({ path: scratch.at('s') });
    await stop(await serve(bound));
    assert.equal(existsSync(scratch.at('s')), true);
    bound.release();
    assert.equal(existsSync(scratch.at('s')), false);
  });

  it('holds two descriptors beside the socket, and none after the release', () => {
    const before = descriptors();
    const bound = scratch.bind({ path: scratch.at('s') });
    assert.equal(descriptors(), before + 3);
    closeSync(bound.fd);
    bound.release();
    assert.equal(descriptors(), before);
  });

  const bad: readonly (readonly [string, number])[] = [
    ['mode', 0o1000], ['mode', -1], ['mode', 0.5], ['mode', Number.NaN], ['mode', 0o4600],
    ['gid', -1], ['gid', 0xffff_ffff], ['backlog', 0], ['backlog', Number.POSITIVE_INFINITY],
  ];
  for (const [option, value] of bad) {
    it(`refuses ${option} ${String(value)} before it touches anything`, () => {
      const error = refusalOf(() => port.bind({ path: scratch.at('s'), [option]: value }));
      assert.equal(error.code, 'LISTEN_OPTIONS');
      assert.deepEqual([error.facts['option'], error.facts['value']], [option, value]);
      assert.deepEqual(readdirSync(scratch.path), []);
    });
  }

  it('refuses an exception that does not exist', () => {
    const exceptions = ['parent-writeable' as ListenException];
    assert.equal(refusalOf(() => port.bind({ path: scratch.at('s'), exceptions })).code, 'LISTEN_OPTIONS');
  });
});
