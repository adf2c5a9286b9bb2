import assert from 'node:assert/strict';
import { mkdirSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { Catalogue } from '@portcullis/core';
import { stateOf } from '../../dist/reload/file-stamps.js';
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

  /** Makes `name` lead there instead, as deployments do. */
  const lead = (name: string, target: string): void => {
    symlinkSync(target, folder.at('new'));
    renameSync(folder.at('new'), folder.at(name));
  };
  const including = (pattern: string): string => folder.write('p.yaml', `apiVersion: portcullis/v1\nkind: AdmissionPolicy\ninclude: [${pattern}]\n`);

  it('loads again when a link to an included file was switched while it was loaded, to one that has lain there for long', async () => {
    folder.write('one.yaml', rule('first'));
    folder.write('two.yaml', rule('second'));
    lead('link.yaml', 'one.yaml');
    const file = including('link.yaml');
    await new Promise((resolve) => setTimeout(resolve, 60));
    let interrupted = 0;
    const catalogue = new Interrupting(() => { if ((interrupted += 1) === 1) lead('link.yaml', 'two.yaml'); });
    const { policy: loaded } = await loadSteadyPolicy(file, { catalogue });
    assert.deepEqual(loaded?.rules.map(({ id }) => id), ['second']);
  });

  for (const pattern of ['data/conf.d/a.yaml', 'data/conf.d/*.yaml', 'data/conf.d/*.yml']) {
    it(`sees that a folder above \`${pattern}\` is a link that was switched, and that the policy is reached by one`, async () => {
      for (const name of ['one', 'two']) {
        mkdirSync(folder.at(`${name}/conf.d`), { recursive: true });
        folder.write(`${name}/conf.d/a.yaml`, rule(name));
      }
      lead('data', 'one');
      lead('etc', '.');
      including(pattern);
      const { watched, folders, state } = await loadSteadyPolicy(folder.at('etc/p.yaml'), { catalogue: new Catalogue([UID]) });
      assert.equal(stateOf(watched, folders), state);
      lead('data', 'two');
      const switched = stateOf(watched, folders);
      assert.notEqual(switched, state);
      lead('etc', 'one');
      assert.notEqual(stateOf(watched, folders), switched);
    });
  }

  it('sees that a link that led nowhere leads to a file', async () => {
    lead('link.yaml', 'more/a.yaml');
    const { watched, folders, state } = await loadSteadyPolicy(including('link.yaml'), { catalogue: new Catalogue([UID]) });
    mkdirSync(folder.at('more'));
    const made = stateOf(watched, folders);
    folder.write('more/a.yaml', rule('first'));
    assert.notEqual(made, state);
    assert.notEqual(stateOf(watched, folders), made);
  });

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
