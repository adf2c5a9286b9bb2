import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compilePolicyText, explain, formatExplanation, formatFindings, type CompiledPolicy } from '@portcullis/policy';
import { TimeZone } from '../dist/source/time-zone.js';
import { CATALOGUE } from './support/catalogue.js';
import { isOpen } from './support/oracle.js';

const UID = new Map([['unix:uid' as const, { state: 'present', values: [1], tier: 'kernel-connect' } as const]]);

function compile(window: string, effect = 'allow'): CompiledPolicy {
  const loaded = compilePolicyText(`apiVersion: portcullis/v1\nkind: AdmissionPolicy\nrules:\n  - { id: r, effect: ${effect}, when: { unix:uid: 1 }, window: ${window} }\n  - { id: s, effect: allow, when: { unix:uid: 7 } }\n`, { catalogue: CATALOGUE, file: 'policy.yaml' });
  assert.ok(loaded.policy, formatFindings(loaded.findings, loaded.sources));
  return loaded.policy;
}

const at = (moment: string) => ({ listener: 'default', nowMs: Date.parse(moment) });
const effects = (policy: CompiledPolicy, moments: readonly string[]) => moments.map((moment) => policy.decide(UID, at(moment)).effect);

describe('a window', () => {
  it('opens and closes to the millisecond, on its days alone', () => {
    const policy = compile('{ days: [mon, tue, wed, thu, fri], hours: "06:00-22:00", tz: Europe/Berlin }');
    // Berlin is an hour ahead in November; the 27th is a Friday.
    assert.deepEqual(effects(policy, ['2026-11-27T04:59:59.999Z', '2026-11-27T05:00:00Z', '2026-11-27T20:59:59.999Z', '2026-11-27T21:00:00Z', '2026-11-28T12:00:00Z', '2026-11-30T12:00:00Z']),
      ['deny', 'allow', 'allow', 'deny', 'deny', 'allow']);
  });

  it('over midnight belongs to the day on which it opens', () => {
    const policy = compile('{ days: [fri], hours: "22:00-06:00", tz: UTC }');
    assert.deepEqual(effects(policy, ['2026-11-27T05:00:00Z', '2026-11-27T22:00:00Z', '2026-11-28T05:59:59.999Z', '2026-11-28T06:00:00Z', '2026-11-28T22:00:00Z']), ['deny', 'allow', 'allow', 'deny', 'deny']);
  });

  it('that names days alone is open from midnight to midnight there', () => {
    const policy = compile('{ days: [sun], tz: Pacific/Auckland }');
    assert.deepEqual(effects(policy, ['2026-11-28T10:59:59.999Z', '2026-11-28T11:00:00Z', '2026-11-29T10:59:59.999Z', '2026-11-29T11:00:00Z']), ['deny', 'allow', 'allow', 'deny']);
  });

  it('does not come on a day whose clocks skip it, and begins with the next hour where they skip its beginning', () => {
    // In Berlin, 02:00 to 03:00 on 29 March 2026 is not shown: 00:59:59.999Z is followed by 03:00 local.
    assert.deepEqual(effects(compile('{ hours: "02:15-02:45", tz: Europe/Berlin }'), ['2026-03-29T00:59:59.999Z', '2026-03-29T01:00:00Z', '2026-03-29T01:30:00Z', '2026-03-30T00:30:00Z']), ['deny', 'deny', 'deny', 'allow']);
    assert.deepEqual(effects(compile('{ hours: "02:30-04:00", tz: Europe/Berlin }'), ['2026-03-29T00:59:59.999Z', '2026-03-29T01:00:00Z', '2026-03-29T01:59:59.999Z', '2026-03-29T02:00:00Z']), ['deny', 'allow', 'allow', 'deny']);
  });

  it('comes twice where clocks go back over it', () => {
    // In Berlin, 02:00 to 03:00 on 25 October 2026 is shown twice: at 00:00Z and at 01:00Z.
    assert.deepEqual(effects(compile('{ hours: "02:15-02:45", tz: Europe/Berlin }'), ['2026-10-25T00:30:00Z', '2026-10-25T00:50:00Z', '2026-10-25T01:30:00Z', '2026-10-25T02:30:00Z']), ['allow', 'deny', 'allow', 'deny']);
    // Lord Howe goes back by half an hour.
    assert.deepEqual(effects(compile('{ hours: "01:45-02:00", tz: Australia/Lord_Howe }'), ['2026-04-04T14:50:00Z', '2026-04-04T15:10:00Z', '2026-04-04T15:20:00Z', '2026-04-04T15:30:00Z']), ['allow', 'deny', 'allow', 'deny']);
  });

  it('ends a deny as it does an allow', () => {
    const policy = compile('{ hours: "22:00-06:00", tz: UTC }', 'deny');
    assert.deepEqual([policy.decide(UID, at('2026-11-27T23:00:00Z')).cause, policy.decide(UID, at('2026-11-27T12:00:00Z')).cause], ['rule', 'default']);
  });

  it('that is closed leaves nothing to ask for', () => {
    const policy = compile('{ hours: "22:00-06:00", tz: UTC }');
    const known = new Map([['unix:gid' as const, { state: 'absent', tier: 'kernel-connect' } as const]]);
    assert.deepEqual([...policy.wanted(known, at('2026-11-27T23:00:00Z'))], ['unix:uid']);
    assert.deepEqual([...policy.wanted(new Map(), at('2026-11-27T12:00:00Z'))], ['unix:uid']);
  });

  it('is what the oracle says, at any time of any year, in whatever order it is asked', () => {
    const hour = fc.integer({ min: 0, max: 23 });
    const minute = fc.constantFrom(0, 1, 15, 30, 59);
    const time = fc.tuple(hour, minute).map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'));
    const hours = fc.tuple(time, time).filter(([from, to]) => from !== to).map((both) => both.join('-'));
    const tz = fc.constantFrom('Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Apia', 'Africa/Casablanca', 'America/Sao_Paulo', 'UTC');
    const days = fc.uniqueArray(fc.constantFrom('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'), { minLength: 1 });
    const moments = fc.array(fc.integer({ min: Date.parse('1990-01-01'), max: Date.parse('2040-01-01') }), { minLength: 5, maxLength: 5 });
    fc.assert(fc.property(fc.record({ days, hours, tz }), moments, (window, times) => {
      const rule = compile(JSON.stringify(window)).rules[0];
      for (const nowMs of [...times, ...times]) assert.equal(rule?.window?.isOpen(nowMs), isOpen(window, nowMs), new Date(nowMs).toISOString());
    }), { numRuns: 200 });
  });

  it('asks for the time of its zone no more than thrice a day', () => {
    const zone = TimeZone.of('Asia/Tokyo');
    assert.ok(zone);
    const property = Object.getOwnPropertyDescriptor(Intl.DateTimeFormat.prototype, 'formatToParts');
    const original = property?.value as (this: Intl.DateTimeFormat, date?: number) => Intl.DateTimeFormatPart[];
    let asked = 0;
    const counting = function (this: Intl.DateTimeFormat, date?: number): Intl.DateTimeFormatPart[] {
      asked += 1;
      return original.call(this, date);
    };
    Object.defineProperty(Intl.DateTimeFormat.prototype, 'formatToParts', { ...property, value: counting });
    try {
      for (let second = 0; second < 86_400; second += 10) zone.offsetMs(Date.parse('2026-11-27T00:00:00Z') + second * 1000);
    } finally {
      Object.defineProperty(Intl.DateTimeFormat.prototype, 'formatToParts', property ?? {});
    }
    assert.equal(asked, 3);
  });

  it('is a condition of the nearest miss and of explanations, with its place', () => {
    const policy = compile('{ days: [mon], hours: "06:00-22:00", tz: Europe/Berlin }');
    const context = at('2026-11-28T13:05:00Z');
    const condition = { key: 'rule:window', expected: 'mon 06:00-22:00 Europe/Berlin', observed: ['sat 14:05'], state: 'present', place: { file: 'policy.yaml', line: 4, column: 60 } };
    assert.deepEqual(policy.nearest(UID, context), { rule: 'r', place: { file: 'policy.yaml', line: 4, column: 11 }, failed: [condition] });
    const explanation = explain(policy, UID, context);
    assert.deepEqual([explanation.rules[0]?.truth, explanation.rules[0]?.inactive, explanation.rules[0]?.guards], ['false', 'outside-window', [{ kind: 'test', truth: 'false', ...condition }]]);
    assert.ok(formatExplanation(explanation).includes('- rule:window mon 06:00-22:00 Europe/Berlin: is sat 14:05  4:60'));
  });
});

describe('a whole policy', () => {
  const load = (head: string, nowMs: number) => compilePolicyText(`apiVersion: portcullis/v1\nkind: AdmissionPolicy\n${head}\nrules:\n  - { id: r, effect: allow, when: { unix:uid: 1 } }\n  - { id: s, effect: deny, mode: shadow, when: { unix:uid: 1 } }\n`, { catalogue: CATALOGUE, nowMs });
  const LOADED = Date.parse('2026-11-01T00:00:00Z');

  it('denies everything once it has expired, wants nothing and has no nearest miss', () => {
    const { policy } = load('expires: 2026-12-01T00:00:00Z', LOADED);
    assert.ok(policy);
    assert.equal(policy.decide(UID, at('2026-11-30T23:59:59.999Z')).effect, 'allow');
    const expired = at('2026-12-01T00:00:00Z');
    const { effect, cause, rules } = policy.decide(UID, expired);
    assert.deepEqual({ effect, cause, rules }, { effect: 'deny', cause: 'expired-policy', rules: [] });
    assert.deepEqual([policy.wanted(new Map(), expired).size, policy.wantedByShadow(new Map(), expired).size, policy.shadow(UID, expired), policy.nearest(UID, expired)], [0, 0, [], undefined]);
    assert.deepEqual([...policy.wanted(new Map(), at('2026-11-01T00:00:00Z'))], ['unix:uid']);
  });

  it('ages from when it was loaded', () => {
    const { policy } = load('maxAge: 12h', LOADED);
    assert.ok(policy);
    assert.deepEqual(effects(policy, ['2026-11-01T11:59:59.999Z', '2026-11-01T12:00:00Z']), ['allow', 'deny']);
    assert.equal(load('maxAge: 2d', LOADED).policy?.expiresMs, LOADED + 172_800_000);
  });

  it('ends at whichever comes first, and says where it has expired already', () => {
    assert.equal(load('expires: 2026-12-01T00:00:00Z\nmaxAge: 1d', LOADED).policy?.expiresMs, LOADED + 86_400_000);
    assert.deepEqual(load('expires: 2026-10-01T00:00:00Z', LOADED).findings.map(({ code, place }) => [code, place.line]), [['POLICY_EXPIRED', 3]]);
    assert.equal(load('', LOADED).policy?.expiresMs, Infinity);
  });
});
