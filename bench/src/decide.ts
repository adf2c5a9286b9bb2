import { LINUX_SELECTORS } from '@portcullis/attestor-linux';
import { Catalogue, type Evidenced, type SelectorKey } from '@portcullis/core';
import { compilePolicyText } from '@portcullis/policy';
import { casbinJudge, cedarJudge, type Judge } from './rivals.js';
import { makeRules, yamlOf, type BenchPeer, type BenchRule } from './rules.js';
import { microsPerCall } from './statistics.js';

export interface DecideFigure {
  readonly rules: number;
  /** µs a decision by engine; undefined where the engine cannot hold that many in reasonable time. */
  readonly micros: Readonly<Record<string, number | undefined>>;
  /** Milliseconds to load YAML into a compiled policy. */
  readonly loadMs: number;
}

const CONTEXT = { listener: 'bench', nowMs: 0 };
/** Rivals look at every policy: beyond this they take seconds a decision, and minutes to load. */
const MOST_FOR_RIVALS = 10_000;

/** Decisions of the same peers by the same rules: a hit on the last rule but one, and a miss. */
export async function measureDecide(counts: readonly number[]): Promise<readonly DecideFigure[]> {
  const figures: DecideFigure[] = [];
  for (const count of counts) {
    const rules = makeRules(count);
    const began = performance.now();
    const own = ours(rules);
    const loadMs = performance.now() - began;
    const judges = count > MOST_FOR_RIVALS ? [] : [await casbinJudge(rules), cedarJudge(rules)];
    const hit = { uid: 1000 + count - 2, path: `/usr/bin/app${String(count - 2)}` };
    const miss = { uid: 7, path: '/usr/bin/nobody' };
    const micros: Record<string, number | undefined> = {};
    for (const judge of [own, ...judges]) {
      if (!judge.allows(hit) || judge.allows(miss)) throw new Error(`${judge.name} decides otherwise at ${String(count)} rules`);
      micros[judge.name] = microsPerCall((round) => { judge.allows(round % 2 === 0 ? hit : miss); }, 200);
    }
    figures.push({ rules: count, micros, loadMs });
  }
  return figures;
}

function ours(rules: readonly BenchRule[]): Judge {
  const { policy, findings } = compilePolicyText(yamlOf(rules), { file: 'bench.yaml', catalogue: new Catalogue(LINUX_SELECTORS), maxBytes: 1 << 26 });
  if (policy === undefined) throw new Error(JSON.stringify(findings.slice(0, 3)));
  const known = new Map<BenchPeer, ReadonlyMap<SelectorKey, Evidenced>>();
  return {
    name: 'portcullis',
    allows(peer) {
      let evidence = known.get(peer);
      if (evidence === undefined) known.set(peer, (evidence = evidenceOf(peer)));
      return policy.decide(evidence, CONTEXT).effect === 'allow';
    },
  };
}

function evidenceOf({ uid, path }: BenchPeer): ReadonlyMap<SelectorKey, Evidenced> {
  return new Map<SelectorKey, Evidenced>([
    ['unix:uid', { state: 'present', values: [uid], tier: 'kernel-connect' }],
    ['unix:path', { state: 'present', values: [path], tier: 'image' }],
  ]);
}
