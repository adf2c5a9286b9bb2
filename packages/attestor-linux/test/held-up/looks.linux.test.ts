import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import type { Uid } from '@portcullis/core';
import { skipUnless } from '@portcullis/testkit';
import { closeAll } from '../../dist/ffi/file.js';
import { lookBounded, readBounded } from '../../dist/held-up/looks.js';
import { compiled } from '../support/compile.js';
import { PeerProcess } from '../support/peer-process.js';
import { needStarving, starve } from '../support/starve.js';

/** Of nobody that another test knows. */
const FIRST = 7_700_000;

describe('looks that are waited for within bounds', () => {
  it('T20: a user whose look was starved, and then held up, is not looked at until that lets go', async function () {
    needStarving(this);
    const folder = mkdtempSync(join(tmpdir(), 'portcullis-looks-'));
    const fifo = join(folder, 'fifo');
    assert.equal(spawnSync('/usr/bin/mkfifo', [fifo]).status, 0);
    const look = (uid: number, path: string): string => {
      const read = readBounded({ uid: uid as Uid, direct: false }, path);
      return 'why' in read ? `${read.why}: ${read.detail ?? ''}` : read instanceof Uint8Array ? 'read' : String(read);
    };
    const now = performance.now.bind(performance);
    let feed = (): void => undefined;
    try {
      let uid = FIRST;
      for (let said = ''; !said.includes('gave no processor time'); uid += 1) {
        skipUnless(this, uid < FIRST + 5, 'this kernel gives a thread of the lowest class its turn within a second');
        const before = new Set(readdirSync('/proc/self/task'));
        assert.equal(look(uid, '/proc/self/stat'), 'read'); // by a thread that may be new
        feed();
        feed = await starve(readdirSync('/proc/self/task').map(Number).filter((thread) => !before.has(String(thread))), 8);
        said = look(uid, fifo);
        assert.match(said, /^timeout: (this host gave no processor time to|the process holds up) who looks at /);
      }
      feed();
      performance.now = () => now() + 60_000; // past the second of who was starved
      assert.match(look(uid - 1, '/proc/self/stat'), /^timeout: a process of this user holds up a look at it/);
      assert.equal(look(uid, '/proc/self/stat'), 'read');
      closeSync(openSync(fifo, 'r+'));
      while (look(uid - 1, '/proc/self/stat') !== 'read') await passed(10); // until it has ended
    } finally {
      performance.now = now;
      feed();
      closeSync(openSync(fifo, 'r+'));
      rmSync(folder, { recursive: true });
    }
  });

  it('T20: a user whose processes are long to look at, however many they are, has a share of the event loop, and others are served', async function () {
    this.timeout(240_000);
    const times = Math.floor(3.5e9 / statSync(process.execPath).size); // four gigabytes are the most that is looked at
    const peer = new PeerProcess(compiled('much-code'), [process.execPath, String(times)]);
    const [slow, other] = [FIRST + 10, FIRST + 11];
    const look = (uid: number, folder: string): string => {
      const seen = lookBounded({ uid: uid as Uid, direct: false }, { folder, again: false, code: true, procmapQuery: false });
      if ('why' in seen) return `${seen.why}: ${seen.detail ?? ''}`;
      closeAll([seen.auxv, seen.exe, ...(seen.pagemap === undefined ? [] : [seen.pagemap])]);
      return 'looked';
    };
    const now = performance.now.bind(performance);
    try {
      await peer.expect('ready');
      const much = `/proc/${String(peer.pid)}`;
      let said = 'looked';
      const began = now();
      for (let count = 0; said === 'looked' && count < 200; count += 1) said = look(slow, much);
      skipUnless(this, said !== 'looked' || now() - began > 200 * 25, 'this machine looks at gigabytes of code in 20 ms');
      assert.match(said, /^timeout: looks at processes of this user were long: [0-9]+ ms of processor time/);
      assert.match(look(slow, '/proc/self'), /^timeout: looks at processes of this user were long/);
      assert.equal(look(other, '/proc/self'), 'looked');
      performance.now = () => now() + 60_000;
      assert.equal(look(slow, much), 'looked');
    } finally {
      performance.now = now;
      await peer.kill();
    }
  });
});
