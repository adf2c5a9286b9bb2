import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fuzzFactor, fuzzMs } from '@portcullis/testkit';
import { whatGrew } from '../../../../bench/dist/soak/flat.js';
import { needAttacks } from '../../../attestor-linux/dist-test/support/features.js';

const SOAK = join(import.meta.dirname, '../../../../bench/dist/soak/main.js');

describe('the soak (T20)', function () {
  this.timeout(fuzzMs(300_000));

  it('T20: five thousand admissions of every kind leave descriptors, threads and memory flat', async function () {
    needAttacks(this);
    const many = 5000 * fuzzFactor();
    const { stdout } = await promisify(execFile)(process.execPath, [SOAK, String(many)]); // rejects where something grew
    assert.match(stdout, new RegExp(`^${String(many)} admissions in [0-9]+ s: flat$`, 'm'));
  });

  it('says what grew: a descriptor a round, a thread, a slope of memory', () => {
    const flat = { admissions: 0, descriptors: 300, threads: 13, rssMiB: 80, heapMiB: 12 };
    const of = (change: (round: number) => object) => whatGrew(Array.from({ length: 30 }, (_, round) => ({ ...flat, ...change(round) })));
    assert.deepEqual(of(() => ({})), []);
    assert.match(of((round) => ({ descriptors: 300 + round })).join(), /^descriptors grew/);
    assert.match(of((round) => ({ threads: round < 20 ? 13 : 14 })).join(), /^threads grew/);
    assert.match(of((round) => ({ heapMiB: 12 + round / 2 })).join(), /^heapMiB grew/);
    assert.match(of((round) => ({ rssMiB: 80 + 4 * round })).join(), /^rssMiB grew/);
  });
});
