import assert from 'node:assert/strict';
import { exhaustedLimits, type Decision, type Evidenced, type Limit, type Policy, type SelectorKey } from '../dist/index.js';
import { bucketName } from '../dist/limits/limit.js';
import { Limiter } from '../dist/limits/limiter.js';
import { BucketRoom, TokenBuckets } from '../dist/limits/token-buckets.js';
import { allowUids, fakeAttestor, findingsOf, stubPolicy } from '../dist/testing/index.js';
import { Gated, slowAttestor, until } from './support/gated.js';

const T0 = Date.parse('2026-11-23T09:00:00Z');
const present = (...values: readonly (string | number)[]): Evidenced => ({ state: 'present', values, tier: 'kernel-connect' });
const ofUid = (uid: number): ReadonlyMap<SelectorKey, Evidenced> => new Map([['unix:uid', present(uid)]]);
const limit = (rest: Partial<Limit> = {}): Limit => ({ id: 'a', rule: 'a', key: ['unix:uid'], ...rest });

describe('token buckets', () => {
  it('give their burst at once, and then as much as time brings', () => {
    const buckets = new TokenBuckets<string>({ perSecond: 2, burst: 3 }, undefined);
    const taken = [0, 0, 0, 0, 499, 500, 501, 1000].map((ms) => buckets.take('a', T0 + ms) !== undefined);
    assert.deepEqual(taken, [true, true, true, false, false, true, false, true]);
    assert.ok(buckets.take('b', T0 + 1000));
  });

  it('never hold more than their burst', () => {
    const buckets = new TokenBuckets<string>({ perSecond: 100, burst: 2 }, undefined);
    assert.ok(buckets.take('a', T0));
    const taken = [1, 2, 3].map(() => buckets.take('a', T0 + 3_600_000) !== undefined);
    assert.deepEqual(taken, [true, true, false]);
  });

  it('count time once where late answers are charged at their arrival', () => {
    const buckets = new TokenBuckets<string>({ perSecond: 1, burst: 1 }, undefined);
    assert.ok(buckets.take('a', T0 + 5000));
    assert.equal(buckets.take('a', T0), undefined);
    assert.equal(buckets.take('a', T0 + 5000), undefined);
    assert.ok(buckets.take('a', T0 + 6000));
  });

  it('go on where the clock was set back', () => {
    const buckets = new TokenBuckets<string>({ perSecond: 1, burst: 2 }, undefined);
    assert.ok(buckets.take('a', T0 + 3_600_000));
    assert.ok(buckets.take('a', T0));
    assert.equal(buckets.take('a', T0), undefined);
    assert.ok(buckets.take('a', T0 + 1000));
  });

  it('forget who is idle, and stay as small as they are told whatever names come', () => {
    const buckets = new TokenBuckets<number>({ perSecond: 1, burst: 5 }, undefined, new BucketRoom(1000), 100);
    for (let name = 0; name < 10_000; name += 1) buckets.take(name, T0);
    assert.equal(buckets.size, 100);
    for (let name = 0; name < 200; name += 1) buckets.take(20_000 + name, T0 + 60_000);
    const sizes = Array.from({ length: 100 }, (_, name) => {
      buckets.take(30_000 + name, T0 + 3_600_000 * (name + 1));
      return buckets.size;
    });
    assert.deepEqual([Math.max(...sizes) <= 100, sizes.at(-1)], [true, 1]);
  });

  it('let names without a place share one bucket, and empty no other', () => {
    const buckets = new TokenBuckets<number>({ perSecond: 0.001, burst: 2 }, undefined, new BucketRoom(1000), 10);
    for (let name = 0; name < 10; name += 1) assert.ok(buckets.take(name, T0));
    assert.deepEqual([10, 11, 12, 13].map((name) => buckets.take(name, T0) !== undefined), [true, true, false, false]);
    assert.deepEqual([0, 0, 10].map((name) => buckets.take(name, T0) !== undefined), [true, false, false]);
    assert.equal(buckets.hasRoom(99, T0), false);
    assert.equal(buckets.hasRoom(1, T0), true);
  });

  it('answer the same as often as they are asked, however full they are (I6)', () => {
    const buckets = new TokenBuckets<number>({ perSecond: 0.001, burst: 2 }, undefined, new BucketRoom(1000), 7);
    for (let name = 0; name < 7; name += 1) assert.ok(buckets.take(name, name === 6 ? T0 - 1e9 : T0)); // that one is idle by now
    assert.ok(buckets.take(97, T0) !== undefined && buckets.take(98, T0) !== undefined); // all that newcomers share
    assert.deepEqual([1, 2, 3, 4].map(() => buckets.hasRoom(99, T0)), [false, false, false, false]);
    buckets.sweep(T0);
    buckets.sweep(T0);
    assert.equal(buckets.hasRoom(99, T0), true);
  });

  it('keep who has connections, however long ago they came', () => {
    const buckets = new TokenBuckets<number>(undefined, 1, new BucketRoom(1000), 100);
    const first = buckets.take(0, T0);
    for (let name = 1; name < 99; name += 1) {
      const one = buckets.take(name, T0);
      assert.ok(one);
      buckets.give(one);
    }
    assert.equal(buckets.take(0, T0 + 1e9), undefined);
    assert.ok(first);
    buckets.give(first);
    assert.ok(buckets.take(0, T0 + 1e9));
  });
});

describe('the name that a peer is counted under', () => {
  const name = (values: Record<SelectorKey, Evidenced>, ...key: readonly SelectorKey[]) => bucketName(limit({ key }), new Map(Object.entries(values) as [SelectorKey, Evidenced][]));

  it('tells values, their types and absence apart, and is short', () => {
    const some = [present('1'), present(1), present('1', '2'), present('["1","2"]'), { state: 'absent', tier: 'image' } as const, present('x'.repeat(500)), present(`${'x'.repeat(500)}y`)];
    const names = some.map((value) => name({ 'a:b': value }, 'a:b'));
    assert.equal(new Set(names).size, some.length);
    assert.ok(names.every((one) => one !== undefined && one.length <= 128));
    assert.notEqual(name({ 'a:b': present('1'), 'a:c': present('2') }, 'a:b', 'a:c'), name({ 'a:b': present('2'), 'a:c': present('1') }, 'a:b', 'a:c'));
  });

  it('is none where a key is unknown or was not asked (I4)', () => {
    assert.equal(name({ 'a:b': { state: 'unknown', why: 'permission' } }, 'a:b'), undefined);
    assert.equal(name({}, 'a:b'), undefined);
    assert.equal(new Limiter().hasRoom(limit({ rate: { perSecond: 1, burst: 1 } }), new Map(), T0), false);
  });
});

describe('a limiter', () => {
  const allow = (...limits: readonly Limit[]): Decision => ({ effect: 'allow', cause: 'rule', rules: limits.map(({ rule }) => rule), grant: {}, limits });
  const deny: Decision = { effect: 'deny', cause: 'limit', rules: ['a'], grant: {}, exhausted: ['a'] };

  it('charges all limits of a decision, or none', () => {
    const limiter = new Limiter();
    const one = limit({ rate: { perSecond: 1, burst: 1 } });
    const two = limit({ id: 'b', rule: 'b', rate: { perSecond: 1, burst: 5 } });
    assert.equal(limiter.charge(allow(one, two), ofUid(1), T0, () => deny).decision.effect, 'allow');
    assert.equal(limiter.charge(allow(one, two), ofUid(1), T0, () => deny).decision, deny);
    for (let i = 0; i < 4; i += 1) assert.equal(limiter.charge(allow(two), ofUid(1), T0, () => deny).decision.effect, 'allow');
    assert.equal(limiter.charge(allow(two), ofUid(1), T0, () => deny).decision, deny);
  });

  it('forgets limits that are no longer in force, and keeps those that are', () => {
    const limiter = new Limiter();
    const kept = limit({ rate: { perSecond: 1, burst: 1 } });
    const gone = limit({ id: 'b', rule: 'b', rate: { perSecond: 1, burst: 1 } });
    limiter.charge(allow(kept, gone), ofUid(1), T0, () => deny);
    limiter.retain([kept]);
    assert.deepEqual([limiter.hasRoom(kept, ofUid(1), T0), limiter.hasRoom(gone, ofUid(1), T0), limiter.size], [false, true, 1]);
  });

  it('has so many names for all limits together, whatever peers come with', () => {
    const limiter = new Limiter(1000);
    for (const id of ['a', 'b', 'c']) {
      const one = limit({ id, rule: id, rate: { perSecond: 1, burst: 1e9 } });
      for (let uid = 0; uid < 5000; uid += 1) limiter.charge(allow(one), ofUid(uid), T0, () => deny);
    }
    assert.equal(limiter.size, 1000);
  });

  it('makes room for newcomers as they come, though all of them are refused', () => {
    const limiter = new Limiter(4);
    const one = limit({ concurrent: 1 });
    const held = [1, 2, 3, 4, 5].map((uid) => limiter.charge({ effect: 'allow', cause: 'rule', rules: ['a'], grant: {}, limits: [one] }, ofUid(uid), T0, () => assert.fail()));
    assert.equal(limiter.hasRoom(one, ofUid(6), T0), false);
    held[3]?.release?.();
    for (let came = 0; came < 2; came += 1) {
      limiter.tidy(T0);
      if (came === 0) limiter.hasRoom(one, ofUid(6), T0);
    }
    assert.equal(limiter.hasRoom(one, ofUid(6), T0), true);
  });

  it('does not go round for ever with a policy that does not listen', () => {
    const limiter = new Limiter();
    const one = limit({ rate: { perSecond: 1, burst: 1 } });
    limiter.charge(allow(one), ofUid(1), T0, () => deny);
    assert.throws(() => limiter.charge(allow(one), ofUid(1), T0, () => allow(one)));
  });

  it('can be told of by what a decision was made in (I6)', () => {
    const state = exhaustedLimits(['a']);
    assert.deepEqual([state.hasRoom(limit(), new Map(), 0), state.hasRoom(limit({ rule: 'b' }), new Map(), 0)], [false, true]);
  });
});

/** Allows by one limited rule, as the policy package decides. */
function limited(one: Limit): Policy {
  const none: Decision = Object.freeze({ effect: 'deny', cause: 'limit', rules: [one.rule], grant: {}, exhausted: [one.rule] });
  const some: Decision = Object.freeze({ effect: 'allow', cause: 'rule', rules: [one.rule], grant: {}, limits: [one] });
  return { ...stubPolicy({ keys: ['unix:uid'] }), limits: [one], decide: (evidence, { limits, nowMs }) => (limits?.hasRoom(one, evidence, nowMs) === true ? some : none) };
}

describe('limits of a gate', () => {
  let gated: Gated | undefined;
  afterEach(async () => {
    await gated?.end();
    gated = undefined;
  });

  it('count a connection until it closes', async () => {
    gated = await Gated.start({ policy: limited(limit({ concurrent: 2 })) });
    const clients = [gated.client(), gated.client()];
    for (const client of clients) await client.welcomed();
    assert.equal(await gated.seen(), '');
    assert.equal((await gated.recorded(3))[2]?.decision.cause, 'limit');
    clients[0]?.socket.destroy();
    await until(() => gated!.gate.load.live === 1);
    await gated.client().welcomed();
    assert.equal(await gated.seen(), '');
  });

  it('are kept when a policy with the same limit takes effect, and begin anew with another', async () => {
    const one = limit({ rate: { perSecond: 1e-6, burst: 1 } });
    gated = await Gated.start({ policy: limited(one) });
    await gated.client().welcomed();
    await gated.gate.setPolicy(limited({ ...one }));
    assert.equal(await gated.seen(), '');
    await gated.gate.setPolicy(limited({ ...one, id: 'changed' }));
    await gated.client().welcomed();
  });

  it('admit no more where answers come late and together', async () => {
    const { attestor, answers } = slowAttestor();
    gated = await Gated.start({ policy: limited(limit({ rate: { perSecond: 1e-6, burst: 2 } })), attestors: [attestor] });
    const clients = Array.from({ length: 6 }, () => gated!.client());
    await until(() => answers.length === 6);
    for (const answer of answers) answer.resolve(findingsOf({ 'unix:uid': 1000 }));
    const records = await gated.recorded(6);
    assert.equal(records.filter(({ decision }) => decision.effect === 'allow').length, 2);
    assert.deepEqual(new Set(records.filter(({ admitted }) => !admitted).map(({ decision }) => decision.cause)), new Set(['limit']));
    for (const client of clients) client.socket.destroy();
  });

  it('refuse where the policy does not listen to them (I2)', async () => {
    const one = limit({ rate: { perSecond: 1e-6, burst: 1 } });
    const deaf: Policy = { ...limited(one), decide: () => ({ effect: 'allow', cause: 'rule', rules: ['a'], grant: {}, limits: [one] }) };
    gated = await Gated.start({ policy: deaf });
    await gated.client().welcomed();
    assert.equal(await gated.seen(), '');
    assert.equal((await gated.recorded(2))[1]?.decision.cause, 'defect');
  });
});

describe('the rate of one uid', () => {
  let gated: Gated | undefined;
  afterEach(async () => {
    await gated?.end();
    gated = undefined;
  });

  it('refuses by code before anything is asked of the process (T20)', async () => {
    const attestor = fakeAttestor();
    let nowMs = T0;
    gated = await Gated.start({ attestors: [attestor], ratePerUid: { perSecond: 1, burst: 2 }, clock: () => nowMs });
    await gated.client().welcomed();
    await gated.client().welcomed();
    assert.equal(await gated.seen(), '');
    const [, , refused] = await gated.recorded(3);
    assert.deepEqual([refused?.decision.cause, refused?.decision.code, refused?.peer?.uid], ['capacity', 'rate-limit-uid', 1000]);
    assert.equal(attestor.calls.length, 2);
    nowMs += 1000;
    await gated.client().welcomed();
  });

  it('counts a connection once, also one that is attested anew for another policy', async () => {
    const { attestor, answers } = slowAttestor();
    gated = await Gated.start({ attestors: [attestor], ratePerUid: { perSecond: 1e-6, burst: 1 } });
    const client = gated.client();
    await until(() => answers.length === 1);
    await gated.gate.setPolicy(allowUids(1000, 7));
    answers[0]!.resolve(findingsOf({ 'unix:uid': 1000 }));
    await until(() => answers.length === 2);
    answers[1]!.resolve(findingsOf({ 'unix:uid': 1000 }));
    await client.welcomed();
  });

  it('is an option that makes sense, or an error', async () => {
    for (const ratePerUid of [{ perSecond: 0, burst: 1 }, { perSecond: NaN, burst: 1 }, { perSecond: 1, burst: 0 }, { perSecond: 1, burst: 1.5 }]) {
      await assert.rejects(Gated.start({ ratePerUid }), { code: 'GATE_OPTIONS', facts: { option: 'ratePerUid' } });
    }
  });
});
