// What an attestor says outside of its catalogue is never evidence, and what it does to what it was given is nobody's loss.
import assert from 'node:assert/strict';
import { Collector, Engine, type Attested, type Attestor, type Evidenced, type Finding, type Findings, type SelectorKey } from '../dist/index.js';
import { fakeAttestor, fakeDefinition, fakePeerSource, hasValue, stubPolicy, type AttestCall } from '../dist/testing/index.js';

const NAME: SelectorKey = 'team:name';
const DEFINITION = fakeDefinition(NAME, { many: true, value: { type: 'text' }, cost: 'proc', trust: 'derived', example: 'red' });
const ALLOW_RED = stubPolicy({ keys: [NAME], allow: (evidence) => hasValue(evidence, NAME, (team) => team === 'red') });

function liar(attest: (call: AttestCall) => Findings | Promise<Findings>): Attestor {
  return fakeAttestor({ name: 'liar', selectors: [DEFINITION], attest });
}

async function admit(attestors: readonly Attestor[], policy = ALLOW_RED): Promise<Attested> {
  return new Engine(fakePeerSource(), new Collector(attestors), 300).admit({ fd: undefined, origin: undefined }, policy, { listener: 'test', nowMs: 0 }, () => undefined);
}

const red: Finding = { state: 'present', values: ['red'] };
const findings = (finding: unknown): Findings => new Map([[NAME, finding as Finding]]);

function getting(name: string, ...answers: readonly unknown[]): Finding {
  let asked = 0;
  return Object.defineProperty({ ...red }, name, { get: () => answers[Math.min(asked++, answers.length - 1)] });
}

describe('a lying attestor admits nobody', () => {
  const endless = (): unknown => Object.assign(Object.create({ *[Symbol.iterator](): Generator<string> { for (;;) yield 'red'; } }), { length: 1 });
  const lies: readonly (readonly [what: string, finding: unknown])[] = [
    ['a state of another spelling', { ...red, state: 'Present' }],
    ['a state that is an object', { ...red, state: { toString: () => 'present' } }],
    ['no finding but a text', 'present'],
    ['values that are a text', { state: 'present', values: 'red' }],
    ['values that are a set', { state: 'present', values: new Set(['red']) }],
    ['values without an end', { state: 'present', values: endless() }],
    ['a value of another type', { state: 'present', values: ['red', 7] }],
    ['a value that is an object', { state: 'present', values: [Object('red')] }],
    ['a hole among its values', { state: 'present', values: Array(3).fill('red', 1) }],
    ['a million values', { state: 'present', values: Array.from({ length: 1_000_000 }, () => 'red') }],
    ['more text than can be kept', { state: 'present', values: ['red', 'x'.repeat(2_000_000)] }],
    ['a tier that is none', { ...red, tier: 'certain' }],
    ['a state that changes while it is read', getting('state', 'unknown', 'present')],
  ];
  for (const [what, finding] of lies) {
    it(`with ${what}`, async () => {
      const { decision, evidence } = await admit([liar(() => findings(finding))]);
      assert.equal(decision.effect, 'deny');
      const entry = evidence.get(NAME);
      assert.ok(entry === undefined || entry.state === 'unknown', `it is ${entry?.state ?? 'unasked'}`);
    });
  }

  it('with values that change while they are checked: each is read once', async () => {
    let asked = 0;
    const values = new Proxy(['blue'], { get: (target, name, receiver): unknown => (name === '0' ? (asked++ === 0 ? 'blue' : 'red') : Reflect.get(target, name, receiver)) });
    assert.equal((await admit([liar(() => findings({ state: 'present', values }))])).decision.effect, 'deny');
  });

  it('with a finding that it changes afterwards, before the policy decides', async () => {
    for (const first of [{ state: 'unknown', why: 'service-down' }, { state: 'present', values: ['blue'] }, { state: 'absent' }]) {
      const kept = structuredClone(first) as { state: string; values?: string[] };
      const slow = fakeAttestor({ name: 'slow', selectors: [fakeDefinition('slow:key', { cost: 'proc' })], attest: async ({ wanted }) => {
        await new Promise((resolve) => { setImmediate(resolve); });
        Object.assign(kept, { state: 'present' });
        if (kept.values === undefined) kept.values = ['red'];
        else kept.values[0] = 'red';
        return new Map(wanted.map((key) => [key, { state: 'present', values: [1] }]));
      } });
      const policy = stubPolicy({ keys: [NAME, 'slow:key'], allow: (evidence) => hasValue(evidence, NAME, (team) => team === 'red') });
      const { decision } = await admit([liar(() => findings(kept)), slow], policy);
      assert.equal(kept.values?.[0], 'red');
      assert.equal(decision.effect, 'deny', first.state);
    }
  });

  it('with an answer that never comes, nor with one that comes late', async () => {
    assert.equal((await admit([liar(() => new Promise(() => undefined))])).decision.cause, 'deadline');
    let late: ((answer: Findings) => void) | undefined;
    const { decision, evidence } = await admit([liar(() => new Promise((resolve) => { late = resolve; }))]);
    late?.(findings(red));
    await new Promise((resolve) => { setImmediate(resolve); });
    assert.deepEqual([decision.effect, evidence.size], ['deny', 0]);
  });

  it('with findings for keys of others', async () => {
    const other = fakeAttestor({ name: 'other', selectors: [fakeDefinition('other:key', { cost: 'proc' })], attest: () => new Map<SelectorKey, Finding>([['other:key', { state: 'present', values: [1] }], [NAME, red]]) });
    const honest = liar(() => findings({ state: 'absent' }));
    for (const attestors of [[other, honest], [honest, other]]) {
      const policy = stubPolicy({ keys: [NAME, 'other:key'], allow: (evidence) => hasValue(evidence, NAME, (team) => team === 'red') });
      assert.equal((await admit(attestors, policy)).decision.effect, 'deny');
    }
  });
});

describe('what an attestor is given', () => {
  it('is a set of wanted keys that it cannot change, for this admission or the next', async () => {
    let vandal = true;
    const attestor = fakeAttestor({ name: 'vandal', selectors: [DEFINITION], attest: () => findings(red) });
    const wrapped: Attestor = { ...attestor, attest(peer, wanted, signal, given) {
      if (vandal) for (const spoil of [() => { (wanted as Set<SelectorKey>).clear(); }, () => (wanted as Set<SelectorKey>).add('unix:uid'), () => (wanted as Set<SelectorKey>).delete(NAME)]) assert.throws(spoil, TypeError);
      return attestor.attest(peer, wanted, signal, given);
    } };
    const engine = new Engine(fakePeerSource(), new Collector([wrapped]), 300);
    for (let round = 0; round < 2; round += 1) {
      const { decision } = await engine.admit({ fd: undefined, origin: undefined }, ALLOW_RED, { listener: 'test', nowMs: 0 }, () => undefined);
      assert.equal(decision.effect, 'allow');
      vandal = false;
    }
  });

  it('is evidence that it cannot change', async () => {
    const seen: Evidenced[] = [];
    const needy = fakeAttestor({ name: 'needy', selectors: [fakeDefinition('needy:key', { cost: 'remote', needs: [NAME] })], attest: ({ wanted }) => new Map(wanted.map((key) => [key, { state: 'present', values: [1] }])) });
    const vandal: Attestor = { ...needy, attest(peer, wanted, signal, given) {
      for (const [, entry] of given) {
        seen.push(entry);
        assert.ok(Object.isFrozen(entry) && entry.state === 'present' && Object.isFrozen(entry.values));
      }
      (given as Map<SelectorKey, Evidenced>).set(NAME, { state: 'present', values: ['red'], tier: 'kernel-connect' });
      return needy.attest(peer, wanted, signal, given);
    } };
    const policy = stubPolicy({ keys: [NAME, 'needy:key'], allow: (evidence) => hasValue(evidence, NAME, (team) => team === 'red') });
    const { decision } = await admit([liar(() => findings({ state: 'present', values: ['blue'] })), vandal], policy);
    assert.equal(seen.length, 1);
    assert.equal(decision.effect, 'deny');
  });

  it('is nothing, and not somebody\'s leavings, where it needs nothing', async () => {
    const vandal = liar(() => findings(red));
    let given: unknown;
    await admit([{ ...vandal, attest(peer, wanted, signal, all) { given = all; return vandal.attest(peer, wanted, signal, all); } }]);
    assert.ok(Object.isFrozen(given));
  });

  it('does not make a reason or a detail of any length', async () => {
    const { evidence } = await admit([liar(() => findings({ state: 'unknown', why: 'because', detail: 'x'.repeat(1_000_000) }))]);
    const entry = evidence.get(NAME);
    assert.ok(entry?.state === 'unknown' && entry.why === 'attestor-defect');
    const { evidence: other } = await admit([liar(() => findings({ state: 'unknown', why: 'service-down', detail: 'x'.repeat(1_000_000) }))]);
    const bounded = other.get(NAME);
    assert.ok(bounded?.state === 'unknown' && (bounded.detail?.length ?? 0) <= 1024);
  });
});
