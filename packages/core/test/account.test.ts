import assert from 'node:assert/strict';
import type { Uid } from '../dist/index.js';
import { Accounts } from '../dist/platform/names/account.js';

const IDS = new Map([['ann', 1000], ['ben', 1001], ['root', 0]]);

function accounts(text: string, ...uids: readonly number[]): readonly number[] {
  const all = Accounts.parse(text, IDS);
  return uids.map((uid) => all.of(uid as Uid));
}

describe('whom a user id is counted against (T20)', () => {
  it('is its owner where /etc/subuid gave it to one, by name or by id, in whatever order', () => {
    const text = 'ben:165536:65536\nann:100000:65536\n1002:300000:1\n';
    assert.deepEqual(accounts(text, 100_000, 165_535, 165_536, 231_071, 300_000), [1000, 1000, 1001, 1001, 1002]);
  });

  it('is itself elsewhere: a user\'s own id, and those between', () => {
    assert.deepEqual(accounts('ann:100000:65536\n1002:300000:1\n', 0, 1000, 99_999, 165_536, 300_001, 0xffff_fffe), [0, 1000, 99_999, 165_536, 300_001, 0xffff_fffe]);
  });

  it('is itself where root gave it to containers, or nobody here has the owner\'s name', () => {
    assert.deepEqual(accounts('root:100000:65536\n0:200000:65536\ncontainers:300000:65536\n', 100_001, 200_001, 300_001), [100_001, 200_001, 300_001]);
  });

  it('passes over what is no such line', () => {
    assert.deepEqual(accounts('\n# ann:1:1\nann:\nann:100000\nann:-1:9\nann:1e5:9\nann:100000:65536:more\nann:100000:00000000099\n', 100_000, 1, 5), [100_000, 1, 5]);
    assert.deepEqual(accounts('ann:0:0\n', 0), [0]);
  });
});
