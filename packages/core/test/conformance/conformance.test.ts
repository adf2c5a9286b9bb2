import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { attestorConformance, type ConformanceOptions } from '../../dist/conformance/index.js';
import { ABSENT, type Attestor, type Evidence, type Peer, type SelectorKey } from '../../dist/index.js';
import { fakeDefinition, fakePeerSource } from '../../dist/testing/index.js';
import { BROKEN, HONEST } from './broken-attestors.js';
import { failures } from './run-cases.js';

/** Peers of different uids, which can die. */
export function optionsOf(make: () => Attestor, deadlineMs = 5000): ConformanceOptions {
  const dead = new WeakSet<Peer>();
  let uid = 1000;
  return {
    kills: true,
    deadlineMs,
    setup: () => ({
      attestor: make(),
      open() {
        const self: { peer?: Peer } = {};
        const peer = fakePeerSource({ uid: uid += 1, lost: () => (self.peer !== undefined && dead.has(self.peer) ? { refused: 'peer-exited', detail: 'it is dead' } : undefined) }).open({ fd: undefined, origin: undefined });
        if ('refused' in peer) throw new Error('a fake is not refused');
        return (self.peer = peer);
      },
      kill(peer) { dead.add(peer); },
    }),
  };
}

describe('the conformance kit, with mocha', () => {
  attestorConformance({ describe, it }, optionsOf(HONEST));
});

describe('the conformance kit', () => {
  it('runs with node:test as well', () => {
    const output = execFileSync(process.execPath, ['--test-reporter=tap', fileURLToPath(new URL('./node-test-runner.js', import.meta.url))], { encoding: 'utf8' });
    assert.match(output, /ok [0-9]+ - has a finding for every wanted key/);
    assert.match(output, /# fail 0/);
    assert.match(output, /# pass (?:[2-9]|1[0-9])/);
  });

  for (const [what, make, cases, reason] of BROKEN) {
    it(`fails ${what}, by name and for the right reason`, async () => {
      const failed = await failures(optionsOf(make, 1500));
      assert.deepEqual([...failed.keys()].sort(), [...cases].sort(), [...failed.values()].map(({ message }) => message).join('\n'));
      for (const [title, { message }] of failed) assert.match(message, reason, title);
    });
  }

  it('gives an attestor what it needs of others: what the subject says of the peer, else that it is absent', async () => {
    const needs: readonly SelectorKey[] = ['fake:anchor', 'fake:other'];
    const states = new Set<string>();
    const make = (): Attestor => ({
      name: 'needy',
      selectors: [fakeDefinition('team:names', { value: { type: 'text' }, cost: 'proc', trust: 'derived', example: 'red', needs })],
      attest(_peer, wanted, _signal, given) {
        states.add(needs.map((key) => given.get(key)?.state).join());
        return new Map([...wanted].map((key) => [key, ABSENT]));
      },
    });
    const options = optionsOf(make);
    const given: Evidence = new Map([['fake:anchor', { state: 'present', values: ['x'], tier: 'derived' }]]);
    assert.deepEqual([...(await failures({ ...options, kills: false, setup: async () => ({ ...(await options.setup()), given }) }))], []);
    assert.deepEqual([...states], ['present,absent']);
  });

  it('asks an attestor that needs keys of others as the engine does, so that what it leaves behind is seen', async () => {
    const timers: NodeJS.Timeout[] = [];
    const make = (): Attestor => ({
      name: 'hoarder',
      selectors: [fakeDefinition('team:names', { value: { type: 'text' }, cost: 'proc', trust: 'derived', example: 'red', needs: ['fake:anchor'] })],
      attest(_peer, wanted) {
        timers.push(setTimeout(() => undefined, 3_600_000));
        return new Map([...wanted].map((key) => [key, ABSENT]));
      },
    });
    try {
      assert.deepEqual([...(await failures({ ...optionsOf(make), kills: false })).keys()], ['leaves no descriptor and no timer behind']);
    } finally {
      for (const timer of timers) clearTimeout(timer);
    }
  });

  it('says what is missing where the cases about dead peers are asked for, and nobody can kill one', async () => {
    const options = optionsOf(HONEST);
    const failed = await failures({ ...options, setup: async () => { const { attestor, open } = await options.setup(); return { attestor, open }; } });
    assert.equal(failed.size, 3);
    for (const { message } of failed.values()) assert.match(message, /no `kill`/);
  });

  it('closes the attestor, and takes away what `setup` made, also after a failure', async () => {
    const happened: string[] = [];
    const make = (): Attestor => ({ ...HONEST(), close() { happened.push('closed'); }, attest() { throw new Error('defect'); } });
    const failed = await failures({ ...optionsOf(make), teardown: () => { happened.push('torn down'); } });
    assert.ok(failed.size > 5);
    assert.ok(happened.filter((one) => one === 'torn down').length > 15);
    assert.ok(happened.filter((one) => one === 'closed').length > 15);
  });
});
