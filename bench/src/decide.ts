import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LINUX_SELECTORS } from '@portcullis/attestor-linux';
import { Catalogue, type Evidenced, type SelectorKey } from '@portcullis/core';
import { bundlePolicy, loadPolicy, readDocument, requirePolicy, type CompiledPolicy } from '@portcullis/policy';
import { CompiledPolicy as Built } from '../../packages/policy/dist/decide/compiled-policy.js';
import { compileRules } from '../../packages/policy/dist/compile/compile-rules.js';
import { casbinJudge, cedarJudge, type Judge } from './rivals.js';
import { hitsOf, makeRules, yamlOf, type BenchPeer, type BenchRule } from './rules.js';
import { collectedHeap, leastMs, microsPerCall } from './statistics.js';

export interface DecideFigure {
  readonly rules: number;
  /** µs a decision of ours, by whom it is of. */
  readonly own: { readonly hit: number; readonly miss: number; readonly unknown: number };
  /** µs a decision of rivals, half hits and half misses; undefined where one cannot hold that many in reasonable time. */
  readonly rivals: Readonly<Record<string, number | undefined>>;
}

export interface LoadFigure {
  readonly rules: number;
  readonly yamlBytes: number;
  /** From text to policy, and the part of it that reads YAML. */
  readonly yamlMs: number;
  readonly parseMs: number;
  /** From a compiled file to a policy. */
  readonly compiledMs: number;
  readonly compiledBytes: number;
  /** From checked rules to a policy: normal forms and the index. */
  readonly buildMs: number;
  /** Bytes of heap a rule: of all that a loaded policy holds, and of what building adds to checked rules. */
  readonly heapBytes: number;
  readonly builtBytes: number;
}

const CONTEXT = { listener: 'bench', nowMs: 0 };
const CATALOGUE = new Catalogue(LINUX_SELECTORS);
/** Rivals look at every policy: beyond this they take seconds a decision, and minutes to load. */
const MOST_FOR_RIVALS = 10_000;
const LEAST_MS = 200;

/** Decisions of the same peers by the same rules: peers that some rule allows, peers that none does, peers of unknown path. */
export async function measureDecide(counts: readonly number[]): Promise<readonly DecideFigure[]> {
  const figures: DecideFigure[] = [];
  for (const count of counts) {
    const rules = makeRules(count);
    const policy = withFile(yamlOf(rules), (path) => requirePolicy(loadPolicy(path, { catalogue: CATALOGUE })));
    const hits = hitsOf(rules);
    const misses = hits.map(({ uid }) => ({ uid, path: '/usr/bin/nobody' }));
    const unknown = hits.map(({ uid }) => ({ uid, path: undefined }));
    const own = judgeOf(policy);
    for (const [peers, wanted] of [[hits, true], [misses, false], [unknown, false]] as const) {
      for (const peer of peers) if (own.allows(peer) !== wanted) throw new Error(`ours decides otherwise at ${String(count)} rules: ${JSON.stringify(peer)}`);
    }
    microsOf(own, [...hits, ...misses, ...unknown]); // V8 compiles for all of them before any is measured
    collectedHeap(); // while V8 marks what loading left, every write costs more
    figures.push({
      rules: count,
      own: { hit: microsOf(own, hits), miss: microsOf(own, misses), unknown: microsOf(own, unknown) },
      rivals: count > MOST_FOR_RIVALS ? {} : await measureRivals(rules),
    });
  }
  return figures;
}

/** The last exact rule, which all of them can hold. */
async function measureRivals(rules: readonly BenchRule[]): Promise<Readonly<Record<string, number>>> {
  const exact = rules.filter(({ glob, lastUid }) => !glob && lastUid === undefined);
  const [hit] = hitsOf(exact.slice(-1));
  const miss = { uid: 7, path: '/usr/bin/nobody' };
  if (hit === undefined) throw new Error('no rule is exact');
  const micros: Record<string, number> = {};
  for (const judge of [await casbinJudge(rules), cedarJudge(rules)]) {
    if (!judge.allows(hit) || judge.allows(miss)) throw new Error(`${judge.name} decides otherwise at ${String(rules.length)} rules`);
    micros[judge.name] = microsOf(judge, [hit, miss]);
  }
  return micros;
}

function microsOf(judge: Judge, peers: readonly BenchPeer[]): number {
  return microsPerCall((round) => {
    const peer = peers[round % peers.length];
    if (peer !== undefined) judge.allows(peer);
  }, LEAST_MS);
}

/** What it takes to have a policy of so many rules. */
export function measureLoad(counts: readonly number[]): readonly LoadFigure[] {
  return counts.map((count) => {
    const text = yamlOf(makeRules(count));
    const times = count > MOST_FOR_RIVALS ? 1 : 3;
    const options = { catalogue: CATALOGUE };
    return withFile(text, (path) => {
      const compiled = `${path}.compiled`;
      const { bytes } = bundlePolicy(path, options);
      if (bytes === undefined) throw new Error('the policy of the benchmark has errors');
      writeFileSync(compiled, bytes);
      const compiledBytes = bytes.length;
      const yamlMs = leastMs(() => loadPolicy(path, options), times);
      const parseMs = leastMs(() => readDocument(text, 'bench.yaml'), times);
      const compiledMs = leastMs(() => loadPolicy(compiled, options), 3);
      const empty = collectedHeap();
      const { policy } = loadPolicy(compiled, options);
      if (policy === undefined) throw new Error('the compiled policy of the benchmark has errors');
      const loaded = collectedHeap();
      const { rules } = policy;
      const buildMs = leastMs(() => build(rules), 5);
      const before = collectedHeap();
      const again = build(rules);
      const after = collectedHeap();
      if (again.rules.length !== count) throw new Error('rules were lost');
      return { rules: count, yamlBytes: text.length, yamlMs, parseMs, compiledMs, compiledBytes, buildMs, heapBytes: (loaded - empty) / count, builtBytes: (after - before) / count };
    });
  });
}

function build(rules: CompiledPolicy['rules']): Built {
  return new Built({ name: 'bench', revision: 'bench' }, compileRules(rules));
}

function withFile<T>(text: string, use: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-policy-'));
  try {
    writeFileSync(join(folder, 'bench.yaml'), text);
    return use(join(folder, 'bench.yaml'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function judgeOf(policy: CompiledPolicy): Judge {
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
    ['unix:path', path === undefined ? { state: 'unknown', why: 'permission' } : { state: 'present', values: [path], tier: 'image' }],
  ]);
}
