import assert from 'node:assert/strict';
import { renameSync, utimesSync, writeFileSync } from 'node:fs';
import { Catalogue } from '@portcullis/core';
import { loadSteadyPolicy } from '../../dist/reload/steady-load.js';
import { Folder, policy } from './support/folder.js';

const UID = { key: 'unix:uid', value: { type: 'uint', max: 0xffff_ffff }, many: false, trust: 'kernel-connect', cost: 'socket', summary: 'uid', example: 1 } as const;
const rule = (id: string): string => policy(`{ id: ${id}, effect: allow, when: { unix:uid: 1 } }`);

/** A catalogue that lets the first load be interrupted: it is asked for in the middle of it. */
class Interrupting extends Catalogue {
  readonly #interrupt: () => void;

  constructor(interrupt: () => void) {
    super([UID]);
    this.#interrupt = interrupt;
  }

  override find(key: Parameters<Catalogue['find']>[0]): ReturnType<Catalogue['find']> {
    this.#interrupt();
    return super.find(key);
  }
}

describe('loadSteadyPolicy', () => {
  let folder: Folder;
  beforeEach(() => { folder = new Folder(); });
  afterEach(() => { folder.remove(); });

  for (const [how, replace] of [
    ['renamed over', (file: string) => { renameSync(folder.write('new', rule('second')), file); }],
    ['written', (file: string) => { writeFileSync(file, rule('second')); }],
  ] as const) {
    it(`loads again when the file was ${how} while it was loaded`, async () => {
      const file = folder.write('p.yaml', rule('first'));
      await new Promise((resolve) => setTimeout(resolve, 60));
      let interrupted = 0;
      const catalogue = new Interrupting(() => { if ((interrupted += 1) === 1) replace(file); });
      const { policy: loaded } = await loadSteadyPolicy(file, { catalogue });
      assert.deepEqual(loaded?.rules.map(({ id }) => id), ['second']);
    });
  }

  it('takes a file whose times lie in the future', async () => {
    const file = folder.write('p.yaml', rule('first'));
    utimesSync(file, new Date('2100-01-01'), new Date('2100-01-01'));
    const { policy: loaded } = await loadSteadyPolicy(file, { catalogue: new Catalogue([UID]) });
    assert.equal(loaded?.rules.length, 1);
  });

  it('gives up on a file that never rests', async () => {
    const file = folder.write('p.yaml', rule('first'));
    let count = 0;
    const catalogue = new Interrupting(() => { writeFileSync(file, rule(`r${String((count += 1))}`)); });
    await assert.rejects(loadSteadyPolicy(file, { catalogue }), { code: 'POLICY_READ' });
  });
});
