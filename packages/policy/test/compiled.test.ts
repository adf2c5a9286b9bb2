// A compiled policy is the same policy, read without YAML; whatever else its bytes are made to be is an error with a place.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Catalogue } from '@portcullis/core';
import { bundlePolicy, formatFindings, loadPolicy, type LoadedPolicy } from '@portcullis/policy';
import { ByteReader } from '../dist/compiled/byte-reader.js';
import { ByteWriter } from '../dist/compiled/byte-writer.js';
import { fullEvidence, LISTENERS, NOW, policyDoc } from './support/arbitrary.js';
import { CATALOGUE } from './support/catalogue.js';

const HEAD = 'apiVersion: portcullis/v1\nkind: AdmissionPolicy\n';
const MAGIC = '\0portcullis compiled policy\n';

describe('a compiled policy', () => {
  let folder = '';
  beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'portcullis-compiled-')); });
  afterEach(() => { rmSync(folder, { recursive: true }); });

  const write = (name: string, text: string | Uint8Array): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const compile = (text: string): Uint8Array => {
    const { bytes, findings, sources } = bundlePolicy(write('p.yaml', HEAD + text), { catalogue: CATALOGUE });
    assert.ok(bytes, formatFindings(findings, sources));
    return bytes;
  };
  const load = (bytes: Uint8Array, options = {}): LoadedPolicy => loadPolicy(write('p.compiled', bytes), { catalogue: CATALOGUE, ...options });
  const codes = (loaded: LoadedPolicy) => loaded.findings.map(({ code }) => code);

  const SMALL = 'sets: { s: &s { unix:uid: [1, 2] } }\nrules:\n  - id: a  # portcullis: allow POLICY_PATH_WITHOUT_DIGEST ours\n    effect: allow\n    when: { use: s, unix:path: "/ü/𝔘" }\n    grant: { half: 0.5, less: -7, none: null, yes: true, text: "1" }\n    handoff: deny\n  - { id: b, effect: deny, when: { any: [*s, { unix:gid: 4294967294 }] } }\n';

  it('is the same policy: rules, revision, places, warnings, and what is allowed', () => {
    const yaml = loadPolicy(write('p.yaml', HEAD + SMALL), { catalogue: CATALOGUE });
    const compiled = load(compile(SMALL));
    assert.ok(yaml.policy && compiled.policy);
    assert.equal(compiled.policy.revision, yaml.policy.revision);
    assert.equal(compiled.policy.name, yaml.policy.name);
    assert.ok(compiled.policy.deniesHandoff('docker'));
    const plain = ({ policy }: LoadedPolicy) => policy?.rules.map(({ source, span, ...rule }) => [source.placeAt(span.offset).line, source.placeAt(span.offset).column, JSON.stringify(rule, (key, value: unknown) => (key === 'source' ? undefined : value instanceof Set ? [...value] as unknown : value))]);
    assert.deepEqual(plain(compiled), plain(yaml));
    assert.deepEqual(compiled.findings, []);
    assert.deepEqual(compiled.suppressed.map(({ code, reason, place }) => [code, reason, place.file, place.line]), [['POLICY_PATH_WITHOUT_DIGEST', 'ours', 'p.yaml', 5]]);
  });

  it('decides as its YAML does, whatever policy it is', () => {
    fc.assert(fc.property(policyDoc(20), fc.array(fullEvidence, { minLength: 1, maxLength: 5 }), (doc, peers) => {
      const path = write('p.yaml', JSON.stringify({ apiVersion: 'portcullis/v1', kind: 'AdmissionPolicy', ...doc }));
      const { policy, bytes } = bundlePolicy(path, { catalogue: CATALOGUE });
      assert.ok(policy !== undefined && bytes !== undefined);
      const compiled = load(bytes).policy;
      assert.ok(compiled);
      for (const evidence of peers) {
        for (const listener of LISTENERS) assert.deepEqual(compiled.decide(evidence, { listener, nowMs: NOW }), policy.decide(evidence, { listener, nowMs: NOW }));
      }
    }), { numRuns: 100 });
  });

  it('holds what its policy includes, and is the same bytes each time', () => {
    mkdirSync(join(folder, 'conf.d'));
    write('conf.d/more.yaml', `${HEAD}rules: [{ id: more, effect: allow, when: { unix:uid: 5 } }]\n`);
    const text = 'include: ["conf.d/*.yaml"]\nrules: [{ id: main, effect: allow, when: { unix:uid: 4 } }]\n';
    const bytes = compile(text);
    assert.deepEqual(compile(text), bytes);
    const { policy, files, sources } = load(bytes);
    assert.deepEqual(policy?.rules.map(({ id }) => id), ['main', 'more']);
    assert.deepEqual(files, [join(folder, 'p.compiled')]);
    assert.deepEqual([...sources.keys()], ['p.yaml', 'conf.d/more.yaml']);
    // One that was compiled can be compiled again, to the same.
    assert.deepEqual(bundlePolicy(join(folder, 'p.compiled'), { catalogue: CATALOGUE }).bytes, bytes);
  });

  it('is not made of a policy with errors', () => {
    const { bytes, findings } = bundlePolicy(write('p.yaml', `${HEAD}rules: [{ id: a }]\n`), { catalogue: CATALOGUE });
    assert.equal(bytes, undefined);
    assert.ok(findings.length > 0);
  });

  it('is held against the catalogue of whoever loads it', () => {
    const bytes = compile(SMALL);
    const [first] = loadPolicy(write('p.compiled', bytes), { catalogue: new Catalogue([]) }).findings;
    assert.equal(first?.code, 'POLICY_UNKNOWN_KEY');
    assert.deepEqual([first.place.file, first.place.line], ['p.yaml', 3]);
  });

  it('of another version, or larger than allowed, is refused by name', () => {
    const bytes = Buffer.from(compile(SMALL));
    const other = Buffer.from(bytes.toString('latin1').replace('"format":1', '"format":2'), 'latin1');
    assert.deepEqual(codes(load(other)), ['COMPILED_VERSION']);
    assert.deepEqual(codes(load(bytes, { maxBytes: 20 })), ['YAML_TOO_LARGE']);
  });

  it('that is larger than allowed is not read (T22)', () => {
    const path = write('sparse', MAGIC);
    truncateSync(path, 1_500_000_000);
    const before = process.resourceUsage().maxRSS;
    assert.deepEqual(codes(loadPolicy(path, { catalogue: CATALOGUE })), ['YAML_TOO_LARGE']);
    assert.ok(process.resourceUsage().maxRSS - before < 500_000, 'KiB');
  });

  it('that was damaged is refused, whichever byte it is', () => {
    const bytes = compile(SMALL);
    for (let at = MAGIC.length; at < bytes.length; at++) {
      const damaged = Uint8Array.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      const [code] = codes(load(damaged));
      assert.ok(code === 'COMPILED_DAMAGED' || code === 'COMPILED_VERSION', `${String(at)}: ${String(code)}`);
    }
    for (let length = MAGIC.length; length < bytes.length; length += 7) assert.deepEqual(codes(load(bytes.subarray(0, length))), ['COMPILED_DAMAGED']);
  });

  /** With a digest that is right: an attacker can compute it too. */
  const seal = (body: Uint8Array): Uint8Array => Buffer.concat([Buffer.from(MAGIC), Buffer.from(`${JSON.stringify({ format: 1, sha256: createHash('sha256').update(body).digest('hex') })}\n`), body]);
  const bodyOf = (bytes: Uint8Array): Uint8Array => bytes.subarray(bytes.indexOf(10, MAGIC.length) + 1);

  it('that somebody made by hand is never more than a refused policy, or a sound one (T22)', () => {
    const body = bodyOf(compile(SMALL));
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
      const changed = Uint8Array.from(body);
      for (const [at, value] of changes) changed[at] = value;
      const loaded = load(seal(changed));
      assert.ok(loaded.policy !== undefined || loaded.findings.some(({ severity }) => severity === 'error'));
    }), { numRuns: 2_000 });
  });

  it('refuses depth, doubling and twins that YAML would refuse (T22)', () => {
    const made = (tree: readonly number[], words: readonly string[]): readonly string[] => {
      const out = new ByteWriter();
      for (const value of tree) out.number(value);
      const table = Buffer.from(JSON.stringify(words));
      const bytes = out.bytes();
      const index = Buffer.from(`${JSON.stringify({ words: table.length, documents: [{ file: 'p.yaml', text: 0, tree: bytes.length, remarks: [] }] })}\n`);
      return load(seal(Buffer.concat([index, table, bytes]))).findings.map(({ code, message }) => `${code} ${message.replace(/^.*: /, '')}`);
    };
    const list = (...inner: readonly number[][]): number[] => [6, 0, 0, inner.length, ...inner.flat()];
    const deep = [...Array.from({ length: 10_000 }, () => [6, 0, 0, 1]).flat(), ...list()];
    assert.deepEqual(made(deep, []), ['COMPILED_DAMAGED it nests too deeply']);
    // Each list holds the one before twice: 2^40 nodes, written out.
    let doubled = list();
    for (let i = 0; i < 40; i++) doubled = list(doubled, [8, i]);
    assert.deepEqual(made(doubled, []), ['COMPILED_DAMAGED it has too many nodes']);
    assert.deepEqual(made([7, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], ['__proto__']), ['COMPILED_DAMAGED a mapping has one key twice']);
    assert.deepEqual(made([5, 0, 0, 0], ['Infinity']), ['COMPILED_DAMAGED a number cannot be held exactly']);
    assert.deepEqual(made([3, 9, 0, 0], ['x']), ['COMPILED_DAMAGED a place lies outside of the text']);
    assert.deepEqual(made([6, 0, 0, 2 ** 40], []), ['COMPILED_DAMAGED it ends too soon']);
  });

  it('is read as what it is, whatever it is called', () => {
    const bytes = compile(SMALL);
    assert.ok(loadPolicy(write('named.yaml', bytes), { catalogue: CATALOGUE }).policy);
    assert.deepEqual(codes(loadPolicy(write('half', readFileSync(join(folder, 'named.yaml')).subarray(0, 5)), { catalogue: CATALOGUE })), ['YAML_CONTROL']);
  });
});

describe('numbers of a compiled policy', () => {
  it('are read as they were written', () => {
    fc.assert(fc.property(fc.array(fc.maxSafeNat()), (numbers) => {
      const out = new ByteWriter();
      for (const value of numbers) out.number(value);
      const read = new ByteReader(out.bytes());
      assert.deepEqual(numbers.map(() => read.number()), numbers);
      read.end();
    }));
  });
});
