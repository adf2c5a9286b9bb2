import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import type { Evidenced, SelectorKey, SelectorValue } from '@portcullis/core';
import { compilePolicyText, loadPolicy, requirePolicy, type CompiledPolicy } from '@portcullis/policy';
import { CATALOGUE } from './support/catalogue.js';

const HEAD = 'apiVersion: portcullis/v1\nkind: AdmissionPolicy\n';
const CONTEXT = { listener: 'docker', nowMs: 0 };

function compile(body: string): CompiledPolicy {
  return requirePolicy(compilePolicyText(HEAD + body, { catalogue: CATALOGUE }));
}

function termsFor(policy: CompiledPolicy, facts: Record<SelectorKey, SelectorValue>) {
  const evidence = new Map(Object.entries(facts).map(([key, value]): [SelectorKey, Evidenced] => [key as SelectorKey, { state: 'present', values: [value], tier: 'kernel-connect' }]));
  return policy.decide(evidence, CONTEXT).terms;
}

describe('the word `lease`', () => {
  it('has defaults: an exit revokes, an exec where a program was named', () => {
    const policy = compile('rules:\n  - { id: a, effect: allow, when: { unix:uid: 1 } }\n  - { id: b, effect: allow, when: { unix:uid: 2, unix:path: /usr/bin/git } }\n  - { id: c, effect: allow, when: { all: [{ unix:uid: 3 }, { any: [{ unix:path: /bin/a }, { unix:path: /bin/b }] }] } }\n');
    assert.deepEqual(termsFor(policy, { 'unix:uid': 1 }), { onPeerExit: 'revoke', onExec: 'ignore' });
    assert.deepEqual(termsFor(policy, { 'unix:uid': 2, 'unix:path': '/usr/bin/git' }), { onPeerExit: 'revoke', onExec: 'revoke' });
    assert.deepEqual(termsFor(policy, { 'unix:uid': 3, 'unix:path': '/bin/b' }), { onPeerExit: 'revoke', onExec: 'revoke' });
  });

  it('I7: has an exec revoke where a deny of a program let the connection pass, and nothing else is said', () => {
    const allows = 'rules:\n  - { id: a, effect: allow, when: { unix:uid: 1 }, listeners: [docker] }\n  - { id: b, effect: allow, when: { unix:uid: 2 }, lease: { onExec: ignore } }\n  - { id: c, effect: allow, when: { unix:uid: 3 }, lease: { onPeerExit: ignore } }\n';
    const onExec = (deny: string, head = ''): unknown[] => {
      const policy = compile(head + allows + deny);
      return [1, 2, 3].map((uid) => termsFor(policy, { 'unix:uid': uid, 'unix:path': '/usr/bin/git' })?.onExec);
    };
    assert.deepEqual(onExec(''), ['ignore', 'ignore', 'ignore']);
    assert.deepEqual(onExec('  - { id: d, effect: deny, when: { unix:path: /usr/bin/curl } }\n'), ['revoke', 'ignore', 'revoke']);
    assert.deepEqual(onExec('  - { id: d, effect: deny, when: { all: [{ unix:uid: 1 }, { unix:path: { not: /usr/bin/git } }] } }\n'), ['revoke', 'ignore', 'revoke']);
    assert.deepEqual(onExec('  - { id: d, effect: deny, when: { unix:path: /usr/bin/curl }, listeners: [front] }\n'), ['ignore', 'ignore', 'revoke']);
    assert.deepEqual(onExec('  - { id: d, effect: deny, when: { unix:path: /usr/bin/curl }, mode: shadow }\n'), ['ignore', 'ignore', 'ignore']);
    assert.deepEqual(onExec('  - { id: d, effect: deny, when: { unix:uid: 7 } }\n'), ['ignore', 'ignore', 'ignore']);
    assert.deepEqual(onExec('  - { id: d, effect: deny, when: { unix:path: /usr/bin/curl } }\n', 'lease: { onExec: ignore }\n'), ['ignore', 'ignore', 'ignore']);
  });

  it('is no part of a refusal', () => {
    assert.equal(termsFor(compile('rules:\n  - { id: a, effect: allow, when: { unix:uid: 1 } }\n'), { 'unix:uid': 2 }), undefined);
  });

  it('of a rule stands before that of its document, word by word', () => {
    const policy = compile('lease: { onPeerExit: ignore, reverify: 5s }\nrules:\n  - { id: a, effect: allow, when: { unix:uid: 1 } }\n  - { id: b, effect: allow, when: { unix:uid: 2, unix:path: { exists: true } }, lease: { onPeerExit: revoke, onExec: revoke } }\n');
    assert.deepEqual(termsFor(policy, { 'unix:uid': 1 }), { onPeerExit: 'ignore', onExec: 'ignore', reverifyMs: 5000 });
    assert.deepEqual(termsFor(policy, { 'unix:uid': 2, 'unix:path': '/usr/bin/b' }), { onPeerExit: 'revoke', onExec: 'revoke', reverifyMs: 5000 });
  });

  it('of several rules that allow together is the strictest of each', () => {
    const policy = compile('rules:\n  - { id: a, effect: allow, when: { unix:uid: 1 }, lease: { onPeerExit: ignore, reverify: 1m } }\n  - { id: b, effect: allow, when: { unix:gid: 1, unix:path: /usr/bin/b }, lease: { onExec: revoke, reverify: 500ms } }\n');
    assert.deepEqual(termsFor(policy, { 'unix:uid': 1, 'unix:gid': 1, 'unix:path': '/usr/bin/b' }), { onPeerExit: 'revoke', onExec: 'revoke', reverifyMs: 500 });
  });

  it('has a neighbour `handoff`, which is said of a document or of a rule, and kept where one of several rules says it', () => {
    const policy = compile('handoff: deny\nrules:\n  - { id: a, effect: allow, when: { unix:uid: 1 } }\n  - { id: b, effect: allow, when: { unix:gid: 1 }, handoff: allow }\n');
    assert.deepEqual(termsFor(policy, { 'unix:uid': 1 }), { onPeerExit: 'revoke', onExec: 'ignore', handoff: 'deny' });
    assert.deepEqual(termsFor(policy, { 'unix:uid': 2, 'unix:gid': 1 }), { onPeerExit: 'revoke', onExec: 'ignore' });
    assert.equal(termsFor(policy, { 'unix:uid': 1, 'unix:gid': 1 })?.handoff, 'deny');
  });

  it('tells which listeners a rule with `handoff: deny` may let in', () => {
    const rules = 'rules:\n  - { id: a, effect: allow, when: { unix:uid: 1 }, listeners: [docker], handoff: deny }\n  - { id: b, effect: allow, when: { unix:uid: 2 } }\n';
    const policy = compile(`${rules}  - { id: c, effect: allow, mode: shadow, when: { unix:uid: 3 }, handoff: deny }\n`);
    assert.deepEqual([policy.deniesHandoff('docker'), policy.deniesHandoff('front')], [true, false]);
    assert.equal(compile(`handoff: deny\n${rules}`).deniesHandoff('front'), true);
    assert.equal(compile(rules.replaceAll('handoff: deny', 'handoff: allow')).deniesHandoff('docker'), false);
  });

  it('of an included file is for its own rules, and that of the main file for files that say nothing', () => {
    const folder = mkdtempSync(join(tmpdir(), 'portcullis-lease-'));
    try {
      writeFileSync(join(folder, 'main.yaml'), `${HEAD}include: [own.yaml, none.yaml]\nlease: { onPeerExit: ignore }\n`);
      writeFileSync(join(folder, 'own.yaml'), `${HEAD}lease: { onPeerExit: revoke }\nrules:\n  - { id: own, effect: allow, when: { unix:uid: 1 } }\n`);
      writeFileSync(join(folder, 'none.yaml'), `${HEAD}rules:\n  - { id: none, effect: allow, when: { unix:uid: 2 } }\n`);
      const policy = requirePolicy(loadPolicy(join(folder, 'main.yaml'), { catalogue: CATALOGUE }));
      assert.equal(termsFor(policy, { 'unix:uid': 1 })?.onPeerExit, 'revoke');
      assert.equal(termsFor(policy, { 'unix:uid': 2 })?.onPeerExit, 'ignore');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
