import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Collector, Engine, type Attested, type Attestor, type Connection, type Finding, type Findings, type PeerSource, type Policy, type SelectorDefinition, type SelectorKey } from '../dist/index.js';
import { allowUids, fakeAttestor, fakeDefinition, fakePeerSource, findingsOf, hasValue, stubPolicy, type AttestCall } from '../dist/testing/index.js';

const CONTEXT = { listener: 'test', nowMs: 0 };
const CONNECTION: Connection = { fd: undefined, origin: undefined };
const HOUR = 3_600_000;
const mayWait = (): undefined => undefined;

function admit(policy: Policy, attestors: readonly Attestor[], options: { source?: PeerSource; deadlineMs?: number } = {}): Attested | Promise<Attested> {
  const engine = new Engine(options.source ?? fakePeerSource(), new Collector(attestors), options.deadlineMs ?? HOUR);
  return engine.admit(CONNECTION, policy, CONTEXT, mayWait);
}

function atOnce(attested: Attested | Promise<Attested>): Attested {
  assert.ok(!(attested instanceof Promise), 'a promise where none was needed');
  return attested;
}

async function late(attested: Attested | Promise<Attested>): Promise<Attested> {
  assert.ok(attested instanceof Promise, 'no promise where an attestor answers late');
  return attested;
}

const DIGEST = fakeDefinition('fake:digest', { cost: 'digest', value: { type: 'text' }, example: 'x' });
const PROC = fakeDefinition('fake:path', { cost: 'proc', value: { type: 'path' }, example: '/x' });
const SOCKET = fakeDefinition('unix:uid');
const TIERED = [DIGEST, PROC, SOCKET];
const answers: Findings = findingsOf({ 'unix:uid': 1000, 'fake:path': '/x', 'fake:digest': 'x' });

/** Decides as soon as the keys of `stopAt` are known, and wants all of `keys` at once until then. */
function wanting(keys: readonly SelectorKey[], stopAt: readonly SelectorKey[] = keys): Policy {
  const all = new Set(keys);
  return {
    ...stubPolicy({ keys, allow: () => true }),
    wanted: (evidence) => (stopAt.every((key) => evidence.has(key)) ? new Set() : new Set([...all].filter((key) => !evidence.has(key)))),
  };
}

describe('engine', () => {
  describe('what it asks', () => {
    it('asks the cheapest tier first, one tier at a time', () => {
      const attestor = fakeAttestor({ selectors: TIERED, attest: () => answers });
      const { decision } = atOnce(admit(wanting(['fake:digest', 'fake:path', 'unix:uid']), [attestor]));
      assert.equal(decision.effect, 'allow');
      assert.deepEqual(attestor.calls.map(({ wanted }) => wanted), [['unix:uid'], ['fake:path'], ['fake:digest']]);
    });

    it('stops when the decision is fixed: no digest where the uid settles it', () => {
      const attestor = fakeAttestor({ selectors: TIERED, attest: () => answers });
      const { evidence } = atOnce(admit(wanting(['fake:digest', 'unix:uid'], ['unix:uid']), [attestor]));
      assert.deepEqual(attestor.calls.map(({ wanted }) => wanted), [['unix:uid']]);
      assert.deepEqual([...evidence].map(([key]) => key), ['unix:uid']);
    });

    it('does not believe a policy that wants keys it never mentioned: it cannot allow by them', () => {
      const attestor = fakeAttestor();
      const policy = stubPolicy({ allow: (evidence) => evidence.has('unix:uid') });
      assert.equal(atOnce(admit({ ...policy, wanted: () => new Set(['unix:uid' as const]) }, [attestor])).decision.effect, 'deny');
    });

    it('asks nobody where the policy wants nothing', () => {
      const attestor = fakeAttestor();
      assert.equal(atOnce(admit(stubPolicy({ allow: () => true }), [attestor])).decision.effect, 'allow');
      assert.equal(attestor.calls.length, 0);
    });

    it('asks each attestor for its own keys alone', () => {
      const one = fakeAttestor({ name: 'one', selectors: [SOCKET], attest: () => answers });
      const two = fakeAttestor({ name: 'two', selectors: [fakeDefinition('unix:gid')], attest: () => findingsOf({ 'unix:gid': 5 }) });
      atOnce(admit(wanting(['unix:uid', 'unix:gid']), [one, two]));
      assert.deepEqual([one.calls[0]?.wanted, two.calls[0]?.wanted], [['unix:uid'], ['unix:gid']]);
    });

    it('files a key that nobody establishes as unknown, not as absent (I4)', () => {
      const { evidence } = atOnce(admit(wanting(['no:body']), [fakeAttestor()]));
      assert.deepEqual(evidence.get('no:body'), { state: 'unknown', why: 'no-attestor' });
    });

    it('verifies after the last look and before the decision (I3)', () => {
      const order: string[] = [];
      const source = fakePeerSource({ lost: () => { order.push('verify'); return undefined; } });
      const attestor = fakeAttestor({ attest: ({ wanted }) => { order.push('attest'); return findingsOf(Object.fromEntries(wanted.map((key) => [key, 1000]))); } });
      const policy = stubPolicy({ keys: ['unix:uid'], allow: () => { order.push('decide'); return true; } });
      atOnce(admit(policy, [attestor], { source }));
      assert.deepEqual(order, ['attest', 'verify', 'decide']);
    });

    it('does not ask the policy about a peer that was lost', () => {
      let asked = 0;
      const source = fakePeerSource({ lost: () => ({ refused: 'peer-changed', detail: 'another program' }) });
      const policy = stubPolicy({ keys: ['unix:uid'], allow: () => { asked += 1; return true; } });
      const { decision } = atOnce(admit(policy, [fakeAttestor()], { source }));
      assert.deepEqual([decision.effect, decision.cause, decision.code, asked], ['deny', 'peer-lost', 'peer-changed', 0]);
    });
  });

  describe('what an attestor says', () => {
    const filed = (definition: SelectorDefinition, finding: Finding | undefined): unknown => {
      const attestor = fakeAttestor({ selectors: [definition], attest: () => (finding === undefined ? new Map() : new Map([[definition.key, finding]])) });
      return atOnce(admit(wanting([definition.key]), [attestor])).evidence.get(definition.key);
    };
    const why = (definition: SelectorDefinition, finding: Finding | undefined): unknown => {
      const entry = filed(definition, finding) as { state: string; why?: string };
      return entry.state === 'unknown' ? entry.why : entry.state;
    };
    const many = fakeDefinition('fake:group', { many: true });

    it('counts as unknown where it says too little', () => { assert.equal(why(SOCKET, undefined), 'attestor-defect'); });
    it('counts as unknown where the value is outside the catalogue', () => {
      for (const value of [-1, 1.5, NaN, Infinity, 2 ** 32, '1000', true, 2 ** 60]) assert.equal(why(SOCKET, { state: 'present', values: [value] }), 'attestor-defect', String(value));
    });
    it('counts as unknown where one of many values is outside the catalogue', () => { assert.equal(why(many, { state: 'present', values: [1, 2, -3] }), 'attestor-defect'); });
    it('counts as unknown where it is present without a value', () => { assert.equal(why(SOCKET, { state: 'present', values: [] }), 'attestor-defect'); });
    it('counts as unknown where a single-valued key has two', () => { assert.equal(why(SOCKET, { state: 'present', values: [1, 2] }), 'attestor-defect'); });
    it('counts as unknown, for the limit, where there are a million values', () => { assert.equal(why(many, { state: 'present', values: new Array<number>(1_000_000).fill(1) }), 'limit'); });
    it('is sorted and freed of duplicates', () => {
      assert.deepEqual(filed(many, { state: 'present', values: [10, 9, 10, 1] }), { state: 'present', values: [1, 9, 10], tier: 'kernel-connect' });
    });
    it('may be worth less than its catalogue promises, never more (I5)', () => {
      const derived = fakeDefinition('fake:id', { trust: 'derived' });
      const tier = (said: 'kernel-connect' | 'heuristic'): unknown => (filed(derived, { state: 'present', values: [1], tier: said }) as { tier: string }).tier;
      assert.deepEqual([tier('kernel-connect'), tier('heuristic')], ['derived', 'heuristic']);
      assert.deepEqual(filed(derived, { state: 'absent', tier: 'kernel-live' }), { state: 'absent', tier: 'derived' });
    });
    it('is worth no more than its peer allows, whoever says it and whatever the key promises (I5)', () => {
      const tiers = (ceiling?: 'heuristic'): readonly unknown[] => {
        const source: PeerSource = { name: 'capped', open: (connection) => { const peer = fakePeerSource().open(connection); return ceiling === undefined || 'refused' in peer ? peer : Object.assign(peer, { ceiling }); } };
        return ['unix:uid', 'fake:said'].map((key) => (atOnce(admit(wanting(['unix:uid', 'fake:said']), [capped], { source })).evidence.get(key as SelectorKey) as { tier: string }).tier);
      };
      // One frozen finding for all peers, as attestors give it.
      const findings = new Map<SelectorKey, Finding>([['unix:uid', Object.freeze({ state: 'present', values: Object.freeze([7]) })], ['fake:said', Object.freeze({ state: 'absent' })]]);
      const capped = fakeAttestor({ selectors: [SOCKET, fakeDefinition('fake:said', { trust: 'peer-asserted' })], attest: () => findings });
      assert.deepEqual([tiers(), tiers('heuristic'), tiers()], [['kernel-connect', 'peer-asserted'], ['heuristic', 'peer-asserted'], ['kernel-connect', 'peer-asserted']]);
    });
    it('says nothing of keys that it was not asked for', () => {
      const attestor = fakeAttestor({ selectors: [SOCKET], attest: () => findingsOf({ 'unix:uid': 1, 'unix:gid': 0 }) });
      assert.deepEqual([...atOnce(admit(wanting(['unix:uid']), [attestor])).evidence].map(([key]) => key), ['unix:uid']);
    });
  });

  describe('late answers', () => {
    it('are waited for, and the signal stays quiet for them', async () => {
      const attestor = fakeAttestor({ attest: async () => { await turn(); return answers; } });
      const { decision } = await late(admit(allowUids(1000), [attestor]));
      assert.equal(decision.effect, 'allow');
      assert.equal(attestor.calls[0]?.signal.aborted, false);
    });

    it('of a hanging attestor end at the deadline, and the signal says so', async () => {
      const attestor = fakeAttestor({ attest: () => new Promise(() => undefined) });
      const { decision } = await late(admit(allowUids(1000), [attestor], { deadlineMs: 1 }));
      assert.deepEqual([decision.effect, decision.cause], ['deny', 'deadline']);
      assert.equal(attestor.calls[0]?.signal.aborted, true);
    });

    it('are dropped once the deadline passed', async () => {
      let answer: ((findings: Findings) => void) | undefined;
      const attestor = fakeAttestor({ attest: () => new Promise<Findings>((resolve) => { answer = resolve; }) });
      const { evidence } = await late(admit(allowUids(1000), [attestor], { deadlineMs: 1 }));
      answer?.(answers);
      await turn();
      assert.equal(evidence.size, 0);
    });

    it('that come with the abort itself are too late', async () => {
      const attestor = fakeAttestor({ attest: ({ signal }) => new Promise<Findings>((resolve) => { signal.addEventListener('abort', () => { resolve(answers); }); }) });
      const { decision, evidence } = await late(admit(allowUids(1000), [attestor], { deadlineMs: 1 }));
      await turn();
      assert.deepEqual([decision.cause, evidence.size], ['deadline', 0]);
    });

    it('that came after the deadline are refused though the timer was late as well', async () => {
      const attestor = fakeAttestor({
        attest: async () => {
          await Promise.resolve();
          const from = performance.now();
          while (performance.now() - from < 3); // nothing else runs meanwhile, no timer either
          return answers;
        },
      });
      assert.equal((await late(admit(allowUids(1000), [attestor], { deadlineMs: 1 }))).decision.cause, 'deadline');
    });

    it('of an attestor that rejects refuse, and the others\' are dropped', async () => {
      const error = new Error('defect');
      let answer: ((findings: Findings) => void) | undefined;
      const bad = fakeAttestor({ name: 'bad', attest: () => Promise.reject(error) });
      const slow = fakeAttestor({ name: 'slow', selectors: [fakeDefinition('unix:gid')], attest: () => new Promise<Findings>((resolve) => { answer = resolve; }) });
      const { decision, failure, evidence } = await late(admit(wanting(['unix:uid', 'unix:gid']), [bad, slow]));
      assert.deepEqual([decision.cause, failure, slow.calls[0]?.signal.aborted], ['defect', error, true]);
      answer?.(findingsOf({ 'unix:gid': 1 }));
      await turn();
      assert.equal(evidence.size, 0);
    });

    it('that reject after another attestor threw are nobody\'s unhandled rejection', async () => {
      const unhandled: unknown[] = [];
      const listen = (error: unknown): void => { unhandled.push(error); };
      process.on('unhandledRejection', listen);
      try {
        let fail: ((error: Error) => void) | undefined;
        const slow = fakeAttestor({ name: 'slow', attest: () => new Promise((_, reject) => { fail = reject; }) });
        const bad = fakeAttestor({ name: 'bad', selectors: [fakeDefinition('unix:gid')], attest: () => { throw new Error('at once'); } });
        assert.equal(atOnce(admit(wanting(['unix:uid', 'unix:gid']), [slow, bad])).decision.cause, 'defect');
        fail?.(new Error('later'));
        await turn();
        await turn();
        assert.deepEqual(unhandled, []);
      } finally {
        process.off('unhandledRejection', listen);
      }
    });

    it('let the next tier be asked, late as well', async () => {
      const attestor = fakeAttestor({ selectors: TIERED, attest: async () => { await turn(); return answers; } });
      const { decision, evidence } = await late(admit(wanting(['unix:uid', 'fake:digest']), [attestor]));
      assert.deepEqual([decision.effect, evidence.size, attestor.calls.length], ['allow', 2, 2]);
    });

    it('are not waited for where a cap says no', async () => {
      let answer: ((findings: Findings) => void) | undefined;
      const attestor = fakeAttestor({ attest: () => new Promise<Findings>((resolve) => { answer = resolve; }) });
      const engine = new Engine(fakePeerSource({ uid: 7 }), new Collector([attestor]), HOUR);
      const asked: number[] = [];
      const { decision, evidence } = atOnce(engine.admit(CONNECTION, allowUids(7), CONTEXT, ({ uid }) => { asked.push(uid); return 'pending-limit'; }));
      assert.deepEqual([decision.cause, decision.code, asked, attestor.calls[0]?.signal.aborted], ['capacity', 'pending-limit', [7], true]);
      answer?.(answers);
      await turn();
      assert.equal(evidence.size, 0);
    });

    it('that reject after a cap said no are nobody\'s unhandled rejection', async () => {
      const unhandled: unknown[] = [];
      const listen = (error: unknown): void => { unhandled.push(error); };
      process.on('unhandledRejection', listen);
      try {
        const attestor = fakeAttestor({ attest: async () => { await turn(); throw new Error('later'); } });
        const engine = new Engine(fakePeerSource(), new Collector([attestor]), HOUR);
        atOnce(engine.admit(CONNECTION, allowUids(1000), CONTEXT, () => 'pending-limit'));
        for (let i = 0; i < 5; i += 1) await turn();
        assert.deepEqual(unhandled, []);
      } finally {
        process.off('unhandledRejection', listen);
      }
    });

    it('are given up when the engine stops', async () => {
      const attestor = fakeAttestor({ attest: () => new Promise(() => undefined) });
      const engine = new Engine(fakePeerSource(), new Collector([attestor]), HOUR);
      const waiting = late(engine.admit(CONNECTION, allowUids(1000), CONTEXT, mayWait));
      engine.stop();
      assert.equal((await waiting).decision.cause, 'closing');
      assert.equal(attestor.calls[0]?.signal.aborted, true);
    });
  });

  describe('a defect is a refusal (I2)', () => {
    const error = new Error('defect');
    const raise = (): never => { throw error; };
    const sync = (policy: Policy, attestor: Attestor = fakeAttestor(), source?: PeerSource): Attested => atOnce(admit(policy, [attestor], source === undefined ? {} : { source }));
    const cases: Readonly<Record<string, () => Attested>> = {
      'the peer source throws': () => sync(allowUids(1000), fakeAttestor(), { name: 'bad', open: raise }),
      'the attestor throws': () => sync(allowUids(1000), fakeAttestor({ attest: raise })),
      'the policy throws when asked what it wants': () => sync({ ...allowUids(1000), wanted: raise }),
      'the policy throws when it decides': () => sync(stubPolicy({ allow: raise })),
      'the peer throws when it is verified': () => sync(allowUids(1000), fakeAttestor(), fakePeerSource({ lost: raise })),
    };
    for (const [what, run] of Object.entries(cases)) {
      it(`where ${what}`, () => {
        const { decision, failure } = run();
        assert.deepEqual([decision.effect, decision.cause, failure], ['deny', 'defect', error]);
      });
    }

    const nonsense: Readonly<Record<string, () => Attested>> = {
      'the peer source returns nothing': () => sync(allowUids(1000), fakeAttestor(), { name: 'bad', open: () => undefined as never }),
      'the attestor returns nothing': () => sync(allowUids(1000), fakeAttestor({ attest: () => undefined as never })),
      'the attestor returns a thenable of its own': () => sync(allowUids(1000), fakeAttestor({ attest: () => ({ then: () => undefined }) as never })),
      'a finding has no state': () => sync(allowUids(1000), fakeAttestor({ attest: () => new Map([['unix:uid', {} as never]]) })),
      'the policy decides nothing': () => sync({ ...stubPolicy(), decide: () => undefined as never }),
      'the policy decides something else': () => sync({ ...stubPolicy(), decide: () => ({ effect: 'Allow', cause: 'rule', rules: [], grant: {} }) as never }),
      'the policy wants the same key for ever': () => sync({ ...stubPolicy({ keys: ['unix:uid', 'unix:gid'] }), wanted: () => new Set(['unix:uid' as const]) }),
    };
    for (const [what, run] of Object.entries(nonsense)) {
      it(`where ${what}`, () => {
        const { decision, failure } = run();
        assert.deepEqual([decision.effect, decision.cause], ['deny', 'defect']);
        assert.ok(failure instanceof Error);
      });
    }

    it('even where the peer cannot say how it is pinned', () => {
      const source = fakePeerSource();
      const open = source.open.bind(source);
      const lying: PeerSource = { name: 'lying', open: (connection) => Object.defineProperty(open(connection), 'pin', { get: raise }) };
      assert.equal(sync(allowUids(1), fakeAttestor(), lying).pin, 'unpinned');
    });

    it('keeps the origin of the failure for the record', async () => {
      const attestor = fakeAttestor({ attest: async () => { await turn(); return raise(); } });
      assert.equal((await late(admit(allowUids(1000), [attestor]))).failure, error);
    });
  });

  it('answers in the same turn where every attestor does: no promise, and no microtask runs before', () => {
    let ran = false;
    queueMicrotask(() => { ran = true; });
    atOnce(admit(allowUids(1000), [fakeAttestor()]));
    assert.equal(ran, false);
  });

  it('gives late code a signal of its own: the next admission has another', async () => {
    const late1: AttestCall[] = [];
    const attestor = fakeAttestor({ attest: (call) => { late1.push(call); return Promise.resolve(answers); } });
    const engine = new Engine(fakePeerSource(), new Collector([attestor]), HOUR);
    await engine.admit(CONNECTION, allowUids(1000), CONTEXT, mayWait);
    await engine.admit(CONNECTION, allowUids(1000), CONTEXT, mayWait);
    assert.notEqual(late1[0]?.signal, late1[1]?.signal);
  });

  it('hands on what the refusal of a peer source says', () => {
    const credentials = { pid: 1, uid: 2, gid: 3 } as never;
    const attested = atOnce(admit(allowUids(1000), [fakeAttestor()], { source: fakePeerSource(() => ({ refused: 'self-connection', detail: 'us', credentials })) }));
    assert.deepEqual([attested.decision.cause, attested.decision.code, attested.credentials, attested.peer], ['peer-refused', 'self-connection', credentials, undefined]);
  });

  it('takes one attestor for a key: two that share a definition conflict', () => {
    assert.throws(() => new Collector([fakeAttestor({ name: 'a', selectors: [SOCKET] }), fakeAttestor({ name: 'b', selectors: [SOCKET] })]), { code: 'CATALOGUE_CONFLICT' });
  });

  it('admits by value, not by presence', () => {
    const policy = stubPolicy({ keys: ['unix:uid'], allow: (evidence) => hasValue(evidence, 'unix:uid', (uid) => uid === 0) });
    assert.equal(atOnce(admit(policy, [fakeAttestor()])).decision.effect, 'deny');
  });
});
