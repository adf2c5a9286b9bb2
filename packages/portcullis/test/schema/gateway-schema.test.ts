// The schema of gateway files is written beside the reader of gateway files: these hold both together.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { LINUX_SELECTORS } from '@portcullis/attestor-linux';
import { Catalogue } from '@portcullis/core';
import { readDocument, toPlain } from '@portcullis/policy';
import type { JsonSchema } from '@portcullis/policy/editor';
import { parseGateway } from '../../dist/gateway/parse-gateway.js';
import { makeSchema } from '../../dist/schema/make-schema.js';
import { GATEWAY_DEFINITIONS } from '../../dist/schema/gateway-schema.js';

const CATALOGUE = new Catalogue(LINUX_SELECTORS);
const validate = new Ajv({ strict: true, allowUnionTypes: true, strictTypes: false, strictRequired: false, keywords: ['patternErrorMessage'] }).compile(makeSchema(CATALOGUE, 'gateway'));

/** What the reader finds wrong, and whether the schema takes it. */
function both(text: string): { readonly wrong: readonly string[]; readonly taken: boolean } {
  const document = readDocument(text, 'gateway.yaml');
  assert.ok(document.root !== undefined && document.findings.length === 0, text);
  const { findings } = parseGateway(document, CATALOGUE);
  return { wrong: findings.filter(({ severity }) => severity === 'error').map(({ code, message }) => `${code} ${message}`), taken: validate(toPlain(document.root)) };
}

const gateway = (rest: string): string => `apiVersion: portcullis/v1\nkind: Gateway\n${rest}\n`;
const listener = (rest: string): string => gateway(`listeners: [{ name: a, policy: p.yaml, upstream: "unix:/run/b", listen: { path: /run/a }, ${rest} }]`);
const listen = (rest: string): string => gateway(`listeners: [{ name: a, policy: p.yaml, upstream: "unix:/run/b", listen: { ${rest} } }]`);
const upstream = (text: string): string => gateway(`listeners: [{ name: a, policy: p.yaml, upstream: "${text}", listen: { path: /run/a } }]`);

const SOUND = [
  ...['plugins: [x, ./y, { use: z, options: { a: 1 } }]', 'plugins: []', 'drain: 0', 'drain: 0.5', 'maxPolicyBytes: 50', 'maxPolicyBytes: 1073741824', 'policyDeadline: 600', 'policyDeadline: 0.5', 'metadata: { name: a b, owner: c, description: d }'].map((top) => gateway(`${top}\nlisteners: [{ name: a, policy: p.yaml, upstream: "unix:/run/b", listen: { path: /run/a } }]`)),
  ...['candidate: c.yaml', 'observe: true', 'observe: false', 'ratePerUid: 100/s', 'ratePerUid: { rate: 5/h }', 'ratePerUid: { rate: 5/m, burst: 9 }', 'tests: [t.yaml]', 'lastGood: l', 'collect: [unix:path, env:CI]', 'deadline: 0.5', 'policyGrace: 0', 'policyGrace: 0.5', 'refusal: http', 'refusal: close', 'self: allow'].map(listener),
  ...['path: /run/a, mode: 0660', 'path: /run/a, mode: 660', 'path: /run/a, mode: "0660"', 'path: /run/a, group: docker', 'path: /run/a, group: 0', 'path: /run/a, exceptions: [parent-writable]', 'tcp: "127.0.0.1:80"', 'tcp: "[::1]:0"', 'systemd: x', 'fd: 3'].map(listen),
  ...['tcp:127.0.0.1:1', 'tcp:[::1]:80', 'unix:/x'].map(upstream),
];

const WRONG = [
  '{}', 'apiVersion: portcullis/v1', 'apiVersion: portcullis/v2\nkind: Gateway\nlisteners: []', gateway('listeners: []'), gateway('listeners: {}'), gateway('listeners: [5]'), gateway('listeners: [{}]'), gateway('listener: []'),
  ...['plugins: x', 'plugins: [5]', 'plugins: [{ options: {} }]', 'plugins: [{ use: x, option: {} }]', 'plugins: [{ use: x, options: [] }]', 'drain: -1', 'drain: 10s', 'drain: 86401', 'maxPolicyBytes: 0', 'maxPolicyBytes: 1.5', 'maxPolicyBytes: 32 MiB', 'maxPolicyBytes: 1073741825', 'policyDeadline: 0', 'policyDeadline: 10m', 'metadata: x', 'metadata: { revision: 1 }', 'metadata: { name: 5 }'].map((top) => gateway(`${top}\nlisteners: [{ name: a, policy: p.yaml, upstream: "unix:/run/b", listen: { path: /run/a } }]`)),
  ...['candidate: 5', 'candidate: ""', 'observe: 1', 'observe: "true"', 'ratePerUid: 100', 'ratePerUid: 0/s', 'ratePerUid: { burst: 5 }', 'ratePerUid: { rate: 5/s, burst: 0 }', 'ratePerUid: { rate: 5/s, bursts: 1 }', 'ratePerUid: [5/s]', 'tests: t.yaml', 'tests: []', 'tests: [5]', 'lastGood: true', 'collect: unix:path', 'collect: [unix:uuid]', 'collect: []', 'deadline: 0', 'deadline: 2s', 'policyGrace: -1', 'policyGrace: 2s', 'refusal: html', 'self: yes', 'selff: allow'].map(listener),
  ...['', 'path: run/a', 'path: /run/a, fd: 3', 'path: /run/a, mode: 7777', 'path: /run/a, mode: "rw"', 'path: /run/a, group: ""', 'path: /run/a, group: -1', 'path: /run/a, exceptions: [all]', 'path: /run/a, exceptions: []', 'tcp: localhost:80', 'tcp: 80', 'tcp: "127.0.0.1:80", mode: 660', 'systemd: ""', 'systemd: x, group: y', 'fd: x', 'fd: -1', 'paths: /x'].map(listen),
  ...['/run/b', 'unix:run/b', 'tcp:localhost:80', 'tcp:127.0.0.1', 'http://127.0.0.1:80'].map(upstream),
];

describe('the schema of gateway files', () => {
  it('takes what the reader takes', () => {
    for (const text of SOUND) assert.deepEqual(both(text), { wrong: [], taken: true }, `${text} ${JSON.stringify(validate.errors)}`);
  });

  it('refuses what the reader refuses', () => {
    for (const text of WRONG) {
      const { wrong, taken } = both(text);
      assert.ok(wrong.length > 0, text);
      assert.equal(taken, false, `${text} ${wrong.join('; ')}`);
    }
  });

  it('has every word that the documentation has, and no other', () => {
    const page = readFileSync(new URL('../../../../docs/gateway.md', import.meta.url), 'utf8');
    const table = page.slice(page.indexOf('## The gateway file'), page.indexOf('## Before a policy is put in force'));
    const rows = [...table.matchAll(/^\| ((?:`[a-zA-Z.]+`(?:, )?)+) \|/gm)].flatMap(([, words = '']) => words.replaceAll('`', '').split(', '));
    const of = (name: string): readonly string[] => Object.keys((GATEWAY_DEFINITIONS[name] as JsonSchema)['properties'] as JsonSchema);
    const top = of('Gateway').filter((word) => !['apiVersion', 'kind', 'metadata', 'listeners'].includes(word));
    const words = [...top, ...of('Gateway.listener').filter((word) => word !== 'listen'), ...of('Gateway.listen').map((word) => `listen.${word}`)];
    assert.deepEqual(rows.sort(), words.sort());
  });
});
