// Measures wanted, decide and the building of a compiled policy. `node packages/policy/bench/decide.mjs`, after a build.
// Rules are made as checked rules, so that YAML is not part of it; `yaml` times the whole load.
import { Catalogue } from '@portcullis/core';
import { compilePolicyText } from '../dist/index.js';
import { compileRules } from '../dist/compile/compile-rules.js';
import { CompiledPolicy } from '../dist/decide/compiled-policy.js';
import { SourceText } from '../dist/findings/source-text.js';
import { Glob } from '../dist/compile/glob.js';
import { group } from '../dist/source/condition.js';

const uint = { type: 'uint', max: 4294967294 };
const define = (key, value, cost, trust = 'kernel-connect') => ({ key, value, many: false, trust, cost, summary: key, example: 1 });
const DEFS = {
  uid: define('unix:uid', uint, 'socket'),
  path: define('unix:path', { type: 'path' }, 'proc', 'image'),
  sha: define('unix:sha256', { type: 'digest', length: 64 }, 'digest', 'image'),
  tracer: define('linux:tracer', uint, 'proc', 'kernel-live'),
};
const source = new SourceText('bench', '');
const span = { offset: 0, length: 1 };
const test = (definition, matcher) => ({ kind: 'test', key: definition.key, definition, matcher, expected: '', source, span, size: 1 });
const exact = (definition, value) => test(definition, { op: 'exact', values: new Set([value]) });
const sha = (i) => i.toString(16).padStart(64, '0');
const rule = (id, effect, when) => ({ id, effect, when, listeners: undefined, shadow: false, expiresMs: undefined, requires: effect === 'deny' ? 'peer-asserted' : 'image', skipUnknown: false, grant: effect === 'allow' ? { role: 'reader' } : {}, reason: undefined, annotations: {}, source, span });

function rules(count) {
  const all = [rule('no-tracers', 'deny', test(DEFS.tracer, { op: 'exists', exists: true }))];
  for (let i = 1; i < count; i++) {
    const kind = i % 10;
    if (kind === 0) all.push(rule(`d${i}`, 'deny', exact(DEFS.uid, 1_000_000 + i)));
    else if (kind === 1) all.push(rule(`g${i}`, 'allow', group('all', [exact(DEFS.uid, i), test(DEFS.path, { op: 'glob', glob: new Glob(`/opt/app${i}/*/bin/run`) })])));
    else if (kind === 2) all.push(rule(`r${i}`, 'allow', group('all', [test(DEFS.uid, { op: 'range', from: i * 10, to: i * 10 + 5 }), exact(DEFS.sha, sha(i))])));
    else all.push(rule(`a${i}`, 'allow', group('all', [exact(DEFS.uid, i), exact(DEFS.path, `/usr/bin/app${i}`), exact(DEFS.sha, sha(i))])));
  }
  return all;
}

function time(run, least = 300) {
  for (let i = 0; i < 20_000; i++) run(i);
  let best = Infinity;
  const until = performance.now() + least;
  while (performance.now() < until) {
    const start = performance.now();
    for (let i = 0; i < 20_000; i++) run(i);
    best = Math.min(best, (performance.now() - start) / 20_000);
  }
  return `${(best * 1000).toFixed(3)} µs`.padStart(10);
}

const P = (value, tier) => ({ state: 'present', values: [value], tier });
const peerOf = (i) => new Map([
  ['unix:uid', P(i, 'kernel-connect')], ['linux:tracer', { state: 'absent', tier: 'kernel-live' }],
  ['unix:path', P(`/usr/bin/app${i}`, 'image')], ['unix:sha256', P(sha(i), 'image')],
]);
const context = { listener: 'docker', nowMs: 0 };

console.log('rules     build     load+check  wanted(0) wanted(uid) decide allow  decide default  deny rule  unknown deny  nearest');
for (const count of [10, 1000, 10_000, 100_000]) {
  const made = rules(count);
  compileRules(rules(Math.min(count, 1000)));
  let best = Infinity;
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    new CompiledPolicy({ name: 'bench', revision: '1' }, compileRules(made));
    best = Math.min(best, performance.now() - start);
  }
  const policy = new CompiledPolicy({ name: 'bench', revision: '1' }, compileRules(made));
  const ids = Array.from({ length: 64 }, (_, i) => { const id = 3 + Math.floor((i * 7919) % (count - 3)); return id - (id % 10) + (count > 10 ? 5 : 5 % count); });
  const peers = ids.map((id) => peerOf(Math.min(id, count - 1)));
  const uids = ids.map((id) => new Map([['unix:uid', P(id, 'kernel-connect')]]));
  const strangers = ids.map((id) => peerOf(50_000_000 + id));
  const denied = ids.map((id) => { const e = peerOf(id); e.set('linux:tracer', P(77, 'kernel-live')); return e; });
  const unsure = ids.map((id) => { const e = peerOf(id); e.set('linux:tracer', { state: 'unknown', why: 'permission' }); return e; });
  const none = new Map();
  if (policy.decide(peers[3], context).effect !== 'allow') throw new Error('the bench is wrong: ' + JSON.stringify([...peers[3]]));
  const at = (list) => (i) => list[i & 63];
  const [p, u, s, d, q] = [peers, uids, strangers, denied, unsure].map(at);
  console.log([String(count).padEnd(7), `${best.toFixed(1)} ms`.padStart(9), ''.padStart(10),
    time(() => policy.wanted(none, context)), time((i) => policy.wanted(u(i), context)), time((i) => policy.decide(p(i), context)),
    time((i) => policy.decide(s(i), context)), time((i) => policy.decide(d(i), context)), time((i) => policy.decide(q(i), context)), time((i) => policy.nearest(s(i), context))].join('  '));
}
const text = JSON.stringify({ apiVersion: 'portcullis/v1', kind: 'AdmissionPolicy', rules: Array.from({ length: 10_000 }, (_, i) => ({ id: `a${i}`, effect: 'allow', when: { 'unix:uid': i, 'unix:path': `/usr/bin/app${i}`, 'unix:sha256': sha(i) }, grant: { role: `r${i}` } })) }, null, 1);
const start = performance.now();
const loaded = compilePolicyText(text, { catalogue: new Catalogue(Object.values(DEFS)) , maxBytes: 8e6 });
console.log(`10,000 rules from ${(text.length / 1e6).toFixed(1)} MB of text: ${(performance.now() - start).toFixed(0)} ms, ${loaded.findings.filter((f) => f.severity === 'error').length} errors`);
