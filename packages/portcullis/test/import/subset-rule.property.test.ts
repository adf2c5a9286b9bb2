import assert from 'node:assert/strict';
import fc from 'fast-check';
import { KUBERNETES_SELECTORS } from '@portcullis/attestor-kubernetes';
import { LINUX_SELECTORS } from '@portcullis/attestor-linux';
import { SYSTEMD_SELECTORS } from '@portcullis/attestor-systemd';
import { Catalogue, formatSelector, type Evidence, type Evidenced, type SelectorKey, type SelectorValue } from '@portcullis/core';
import { compilePolicyText } from '@portcullis/policy';
import { importSpire } from '../../dist/import/spire/import-spire.js';

const catalogue = new Catalogue([...LINUX_SELECTORS, ...SYSTEMD_SELECTORS, ...KUBERNETES_SELECTORS]);

/** Few values of each key, so that entries and workloads meet. */
const VALUES: ReadonlyMap<SelectorKey, readonly SelectorValue[]> = new Map<SelectorKey, readonly SelectorValue[]>([
  ['unix:uid', [0, 998, 1000]],
  ['unix:user', ['root', 'ci']],
  ['unix:supplementary_gid', [4, 27, 998]],
  ['unix:path', ['/opt/ci/bin/runner', '/a:b']],
  ['systemd:id', ['cron.service', 'ci@1.service']],
  ['k8s:ns', ['prod', 'test']],
  ['k8s:pod-label', ['app:web', 'app:', 'tier:a:b', 'example.org/team:core']],
]);
const SELECTORS = [...VALUES].flatMap(([key, values]) => values.map((value) => formatSelector({ key, value })));
/** Of these an entry has to be left out. */
const FOREIGN = ['unix:uid:007', 'unix:uid:x', 'k8s:pod-uid2:x', 'aws_iid:tag:a:b', 'docker:label:a:b', 'linux:label:unconfined'];

interface Entry {
  readonly id: string;
  readonly selectors: readonly string[];
}

const entries: fc.Arbitrary<readonly Entry[]> = fc.array(fc.record({
  path: fc.constantFrom('/a', '/b', '/c/d', '/e'),
  selectors: fc.array(fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...SELECTORS) }, { weight: 1, arbitrary: fc.constantFrom(...FOREIGN) }), { minLength: 1, maxLength: 4 }),
}).map(({ path, selectors }) => ({ id: `spiffe://example.org${path}`, selectors })), { minLength: 1, maxLength: 12 });

const state = (key: SelectorKey, values: readonly SelectorValue[]): fc.Arbitrary<readonly [SelectorKey, Evidenced]> => {
  const { many = false, trust: tier = 'derived' } = catalogue.find(key) ?? {};
  return fc.oneof(
    { weight: 6, arbitrary: fc.subarray([...values], { minLength: 1, maxLength: many ? values.length : 1 }).map((some): Evidenced => ({ state: 'present', values: some, tier })) },
    { weight: 1, arbitrary: fc.constant<Evidenced>({ state: 'absent', tier }) },
    { weight: 1, arbitrary: fc.constant<Evidenced>({ state: 'unknown', why: 'service-down' }) },
  ).map((evidenced) => [key, evidenced] as const);
};
const workload: fc.Arbitrary<Evidence> = fc.tuple(...[...VALUES].map(([key, values]) => state(key, values))).map((parts) => new Map(parts));

/** What SPIRE's agent would have of it: what could not be looked at, it does not have. */
function selectorsOf(evidence: Evidence): ReadonlySet<string> {
  return new Set([...evidence].flatMap(([key, entry]) => (entry.state === 'present' ? entry.values.map((value) => formatSelector({ key, value })) : [])));
}

function spell(list: readonly Entry[]): string {
  return JSON.stringify({
    entries: list.map(({ id, selectors }) => ({
      spiffe_id: id, parent_id: 'spiffe://example.org/agent',
      selectors: selectors.map((text) => ({ type: text.slice(0, text.indexOf(':')), value: text.slice(text.indexOf(':') + 1) })),
    })),
  });
}

describe('an imported policy', function () {
  this.timeout(120_000);

  it("grants the SPIFFE IDs that SPIRE's subset rule does, to every workload", () => {
    let granted = 0;
    fc.assert(fc.property(entries, fc.array(workload, { minLength: 1, maxLength: 8 }), (list, workloads) => {
      const sound = list.filter(({ selectors }) => selectors.every((one) => SELECTORS.includes(one)));
      fc.pre(sound.length > 0);
      const { text, refused } = importSpire(spell(list), { catalogue, parents: undefined });
      assert.equal(refused.length, list.length - sound.length);
      const { policy } = compilePolicyText(text, { catalogue });
      for (const evidence of workloads) {
        const has = selectorsOf(evidence);
        const expected = [...new Set(sound.filter(({ selectors }) => selectors.every((one) => has.has(one))).map(({ id }) => id))].sort();
        const decision = policy?.decide(evidence, { listener: 'default', nowMs: 0 });
        assert.deepEqual(Object.keys(decision?.grant ?? {}).sort(), expected);
        assert.equal(decision?.effect, expected.length > 0 ? 'allow' : 'deny');
        granted += expected.length;
      }
    }), { numRuns: 400 });
    assert.ok(granted > 200, `only ${String(granted)} grants: entries and workloads hardly met`);
  });
});
