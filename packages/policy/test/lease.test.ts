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

  it('is no part of a refusal', () => {
    assert.equal(termsFor(compile('rules:\n  - { id: a, effect: allow, when: { unix:uid: 1 } }\n'), { 'unix:uid': 2 }), undefined);
  });

  it('of a rule stands before that of its document, word by word', () => {
    const policy = compile('lease: { onPeerExit: ignore, reverify: 5s }\nrules:\n  - { id: a, effect: allow, when: { unix:uid: 1 } }\n  - { id: b, effect: allow, when: { unix:uid: 2 }, lease: { onPeerExit: revoke, onExec: revoke } }\n');
    assert.deepEqual(termsFor(policy, { 'unix:uid': 1 }), { onPeerExit: 'ignore', onExec: 'ignore', reverifyMs: 5000 });
    assert.deepEqual(termsFor(policy, { 'unix:uid': 2 }), { onPeerExit: 'revoke', onExec: 'revoke', reverifyMs: 5000 });
  });

  it('of several rules that allow together is the strictest of each', () => {
    const policy = compile('rules:\n  - { id: a, effect: allow, when: { unix:uid: 1 }, lease: { onPeerExit: ignore, reverify: 1m } }\n  - { id: b, effect: allow, when: { unix:gid: 1 }, lease: { onExec: revoke, reverify: 500ms } }\n');
    assert.deepEqual(termsFor(policy, { 'unix:uid': 1, 'unix:gid': 1 }), { onPeerExit: 'revoke', onExec: 'revoke', reverifyMs: 500 });
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
