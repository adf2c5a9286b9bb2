import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  Catalogue, compareValues, COST_TIERS, costRank, formatSelector, isSelectorKey, isTrustTier, kindOf, normaliseValues, parseSelector, parseValue, PortcullisError,
  sourceOf, TRUST_TIERS, trustRank, trustSuffices, valueProblem, type SelectorKey, type SelectorValue, type ValueType,
} from '../dist/index.js';
import { fakeDefinition } from '../dist/testing/index.js';

const key: fc.Arbitrary<SelectorKey> = fc.tuple(fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/), fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,40}$/))
  .map(([source, kind]): SelectorKey => `${source}:${kind}`);
const value: fc.Arbitrary<SelectorValue> = fc.oneof(fc.nat(), fc.boolean(), fc.string({ unit: 'binary' }));

describe('selector', () => {
  it('comes back from its text with key and value, whatever the value holds', () => {
    fc.assert(fc.property(key, value, (key, value) => {
      assert.deepEqual(parseSelector(formatSelector({ key, value })), { key, value: String(value) });
    }));
  });

  it('is split at the second colon: a value may hold more', () => {
    assert.deepEqual(parseSelector('unix:path:/a:b:c'), { key: 'unix:path', value: '/a:b:c' });
    assert.deepEqual(parseSelector('env:HTTP_PROXY:'), { key: 'env:HTTP_PROXY', value: '' });
  });

  it('is refused where it is of another shape', () => {
    for (const text of ['', 'unix', 'unix:uid', 'Unix:uid:1', ':uid:1', 'unix::1', '-x:y:1', 'unix:-y:1', 'unix:uid\n:1', `${'a'.repeat(33)}:b:1`, `a:${'b'.repeat(129)}:1`, ' unix:uid:1']) {
      assert.throws(() => parseSelector(text), { code: 'SELECTOR_SYNTAX' }, text);
    }
  });

  it('is refused or parsed, and never anything else', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      try {
        const parsed = parseSelector(text);
        assert.ok(isSelectorKey(parsed.key));
        assert.equal(`${parsed.key}:${parsed.value}`, text);
      } catch (error) {
        assert.ok(error instanceof PortcullisError && error.code === 'SELECTOR_SYNTAX');
      }
    }));
  });

  it('has a source and a kind', () => {
    fc.assert(fc.property(key, (key) => { assert.equal(`${sourceOf(key)}:${kindOf(key)}`, key); }));
  });
});

describe('selector values', () => {
  it('have one order, whatever order they come in', () => {
    fc.assert(fc.property(fc.array(value), fc.nat(), (values, seed) => {
      const rotated = values.slice(seed % (values.length + 1)).concat(values.slice(0, seed % (values.length + 1)));
      assert.deepEqual(normaliseValues(values), normaliseValues(rotated));
    }));
  });

  it('are free of duplicates and complete', () => {
    fc.assert(fc.property(fc.array(value), (values) => {
      const normal = normaliseValues(values);
      assert.equal(new Set(normal).size, normal.length);
      assert.deepEqual(new Set(normal), new Set(values));
    }));
  });

  it('are ordered totally: antisymmetric, and numbers as numbers', () => {
    fc.assert(fc.property(value, value, (a, b) => {
      assert.equal(Math.sign(compareValues(a, b)) + Math.sign(compareValues(b, a)), 0);
      assert.equal(compareValues(a, b) === 0, a === b);
    }));
    assert.deepEqual(normaliseValues([10, 9, 100]), [9, 10, 100]);
  });
});

describe('value types', () => {
  const types: readonly (readonly [ValueType, readonly SelectorValue[], readonly unknown[]])[] = [
    [{ type: 'uint', max: 100 }, [0, 1, 100], [-1, 101, 1.5, NaN, '1', true, null, undefined, -0.1]],
    [{ type: 'boolean' }, [true, false], ['true', 0, 1, null]],
    [{ type: 'text' }, ['x', 'ü', ' '], ['', 'a\0b', 1, null]],
    [{ type: 'name' }, ['root'], ['', 'a\0b', 0]],
    [{ type: 'path' }, ['/', '/a b', '/a/../b'], ['', 'a', './a', '/a\0b', 1]],
    [{ type: 'enum', values: ['a', 'b'] }, ['a', 'b'], ['c', 'A', '', 'toString', 0]],
    [{ type: 'digest', length: 4 }, ['00ff'], ['00FF', '00f', '00fff', '00fg', 'sha:00ff', 0, '00ff\n']],
    [{ type: 'digest', length: 4, prefix: 'v1:' }, ['v1:00ff'], ['00ff', 'v1:', 'v1:00f', 'V1:00ff']],
  ];
  for (const [type, good, bad] of types) {
    it(`${JSON.stringify(type)}: takes its own values and no others`, () => {
      for (const value of good) assert.equal(valueProblem(type, value), undefined, String(value));
      for (const value of bad) assert.equal(typeof valueProblem(type, value), 'string', String(value));
    });

    it(`${JSON.stringify(type)}: reads from text what it writes to it`, () => {
      for (const value of good) assert.equal(parseValue(type, String(value)), value);
      for (const value of bad) if (typeof value === 'string') assert.ok(parseValue(type, value) === undefined || valueProblem(type, parseValue(type, value)) === undefined);
    });
  }

  it('spells a number in one way alone', () => {
    for (const text of ['01', '+1', '1.0', '1e1', ' 1', '0x1', '', '101', '9'.repeat(400)]) assert.equal(parseValue({ type: 'uint', max: 100 }, text), undefined, text);
  });

  it('never reads a value from text that is none of the type', () => {
    fc.assert(fc.property(fc.constantFrom(...types.map(([type]) => type)), fc.string({ unit: 'binary' }), (type, text) => {
      const value = parseValue(type, text);
      assert.ok(value === undefined || valueProblem(type, value) === undefined);
    }));
  });
});

describe('catalogue', () => {
  it('finds a key by itself before its family', () => {
    const [own, family] = [fakeDefinition('env:HOME'), fakeDefinition('env:*')];
    const catalogue = new Catalogue([family, own]);
    assert.deepEqual([catalogue.find('env:HOME'), catalogue.find('env:PATH'), catalogue.find('unix:uid')], [own, family, undefined]);
  });

  it('refuses two definitions of one key, and of one family', () => {
    for (const key of ['unix:uid', 'env:*'] as const) {
      assert.throws(() => new Catalogue([fakeDefinition(key), fakeDefinition(key)]), { code: 'CATALOGUE_CONFLICT' });
    }
  });

  it('refuses a key that is none', () => {
    for (const key of ['uid:', 'Unix:uid', 'unix:*:x', ':*', 'unix:uid:1'] as const) assert.throws(() => new Catalogue([fakeDefinition(key)]), { code: 'CATALOGUE_INVALID' }, key);
  });

  it('lists its definitions by key', () => {
    const keys = new Catalogue(['unix:uid', 'env:*', 'env:A'].map((key) => fakeDefinition(key as SelectorKey))).definitions().map(({ key }) => key);
    assert.deepEqual(keys, ['env:*', 'env:A', 'unix:uid']);
  });
});

describe('tiers', () => {
  it('are ranked in the order of their list: the contract of `requires:`', () => {
    assert.deepEqual(TRUST_TIERS, ['kernel-connect', 'kernel-live', 'derived', 'image', 'image-unverified', 'heuristic', 'peer-asserted']);
    assert.deepEqual(COST_TIERS, ['socket', 'proc', 'digest', 'remote']);
    assert.deepEqual(TRUST_TIERS.map(trustRank), TRUST_TIERS.map((_, rank) => rank));
    assert.deepEqual(COST_TIERS.map(costRank), COST_TIERS.map((_, rank) => rank));
  });

  it('suffice for themselves and for what is weaker', () => {
    for (const tier of TRUST_TIERS) for (const weakest of TRUST_TIERS) {
      assert.equal(trustSuffices(tier, weakest), TRUST_TIERS.indexOf(tier) <= TRUST_TIERS.indexOf(weakest));
    }
  });

  it('that nobody knows are the weakest of all', () => {
    assert.equal(isTrustTier('invented'), false);
    for (const weakest of TRUST_TIERS) assert.equal(trustSuffices('invented' as never, weakest), false);
    assert.equal(costRank('invented' as never), COST_TIERS.length);
  });
});
