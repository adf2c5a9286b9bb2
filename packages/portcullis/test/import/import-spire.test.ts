import assert from 'node:assert/strict';
import { CONTAINER_SELECTORS } from '@portcullis/attestor-container';
import { LINUX_SELECTORS } from '@portcullis/attestor-linux';
import { Catalogue, PortcullisError } from '@portcullis/core';
import { compilePolicyText, formatDocument } from '@portcullis/policy';
import { importSpire, type ImportOptions } from '../../dist/import/spire/import-spire.js';

const catalogue = new Catalogue(LINUX_SELECTORS);
const PARENT = { trust_domain: 'example.org', path: '/spire/agent/x' };
const UID = { type: 'unix', value: 'uid:998' };

function entry(path: string, more: object = {}): object {
  return { id: `id-of${path.replaceAll('/', '-')}`, spiffe_id: { trust_domain: 'example.org', path }, parent_id: PARENT, selectors: [UID], ...more };
}

function run(entries: readonly object[], options: Partial<ImportOptions> = {}) {
  return importSpire(JSON.stringify({ entries }), { catalogue, parents: undefined, ...options });
}

/** Why the second of two entries was left out. */
function leftOut(more: object): string {
  const { carried, refused } = run([entry('/good'), entry('/odd', more)]);
  assert.deepEqual(carried.map((one) => one.entry.spiffeId), ['spiffe://example.org/good']);
  return refused[0]?.why ?? '';
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof PortcullisError) return error.code;
    throw error;
  }
  return 'none';
}

describe('registration entries of SPIRE', () => {
  it('become allows of all their selectors, with the SPIFFE ID as a grant', () => {
    const { text } = run([entry('/ci/runner', { selectors: [UID, { type: 'unix', value: 'group:ci' }], expires_at: '1900000000' })]);
    const { policy } = compilePolicyText(text, { catalogue });
    assert.ok(policy);
    assert.match(text, /- id: "ci-runner"\n {4}effect: allow\n {4}expires: "2030-03-17T17:46:40\.000Z"\n {4}when:\n {6}all:\n {8}- "unix:uid:998"\n {8}- "unix:group:ci"\n {4}grant:\n {6}"spiffe:\/\/example\.org\/ci\/runner": true\n/);
  });

  it('come out in the layout of `portcullis fmt`', () => {
    const { text } = run([entry('/a', { hint: 'a "quoted"\nhint' }), entry('/b', { store_svid: true })]);
    assert.equal(formatDocument(text, 'policy.yaml').text, text);
  });

  it('have rules of different names, also where SPIFFE IDs are the same', () => {
    const { text } = run([entry('/a', { id: '1' }), entry('/a', { id: '2' }), entry('', { id: '3' }), entry('/a.2', { id: '4' }), entry('/a', { id: '' })]);
    assert.deepEqual([...text.matchAll(/- id: "(.*)"/g)].map(([, id]) => id), ['a.1', 'a.2', 'root', 'a.2.3', 'a.4']);
  });

  it('are left out, and never widened, where one selector cannot be carried', () => {
    assert.match(leftOut({ selectors: [UID, { type: 'gcp_iit', value: 'zone:x' }] }), /^no key here means/);
    assert.match(leftOut({ selectors: [UID, { type: 'env', value: 'CI:true' }] }), /^no key here means/);
    assert.match(leftOut({ selectors: [UID, { type: 'unix', value: 'uid' }] }), /^no key here means/);
    assert.match(leftOut({ selectors: [UID, { type: 'k8s', value: 'ns:prod' }] }), /attestor-kubernetes$/);
    assert.match(leftOut({ selectors: [UID, { type: 'unix', value: 'uid:0998' }] }), /no workload has$/);
    assert.match(leftOut({ selectors: [UID, { type: 'unix', value: `sha256:${'AB'.repeat(32)}` }] }), /no workload has$/);
  });

  it('are left out where they describe nodes, stores, nobody or what is not known here', () => {
    assert.match(leftOut({ parent_id: { trust_domain: 'example.org', path: '/spire/server' } }), /^it describes a node/);
    assert.match(leftOut({ store_svid: true }), /store/);
    assert.match(leftOut({ selectors: [] }), /^it has no selectors/);
    assert.match(leftOut({ only_on_tuesdays: true }), /`only_on_tuesdays`/);
    assert.match(leftOut({ spiffe_id: { trust_domain: 'Example.org', path: '/x' } }), /malformed/);
    assert.match(leftOut({ expires_at: '-5' }), /expiry/);
  });

  it("respell Docker's selectors, and never so that they could mean more", () => {
    const digest = `sha256:${'ab'.repeat(32)}`;
    const docker = (value: string) => run([entry('/good'), entry('/d', { selectors: [{ type: 'docker', value }] })], { catalogue: new Catalogue([...LINUX_SELECTORS, ...CONTAINER_SELECTORS]) });
    for (const [value, condition] of [
      ['label:com.example.name:foo', 'container:label:com.example.name=foo'], ['label:a:b:c', 'container:label:a=b:c'], ['label:a:', 'container:label:a='], ['env:ENVIRONMENT=a=b', 'container-env:ENVIRONMENT:a=b'],
      ['image_id:envoyproxy/envoy:v1', 'container:image:envoyproxy/envoy:v1'], [`image_config_digest:${digest}`, `container:image-id:${digest}`],
    ] as const) assert.deepEqual(docker(value).carried[1]?.conditions, [condition]);
    for (const value of ['label:a:b=c', 'label:a=b:c', 'label::x', 'label:a', 'env:=x', 'env:A', 'env:A B=x', 'env:A=', 'image_config_digest:sha256:xx']) assert.equal(docker(value).refused.length, 1, value);
  });

  it('keep what has no meaning here as annotations, and say so', () => {
    const { carried, text } = run([entry('/x', { admin: true, downstream: true, federates_with: ['spiffe://a.test', 'b.test'], dns_names: ['x.test'], hint: 'h', only_on_tuesdays: false })]);
    assert.equal(carried[0]?.notes.length, 3);
    for (const line of ['spire.entry: "id-of-x"', 'spire.admin: "true"', 'spire.downstream: "true"', 'spire.federates-with: "spiffe://a.test b.test"', 'spire.dns-names: "x.test"', 'spire.hint: "h"']) assert.ok(text.includes(line), line);
  });

  it('of several parents need to be told which one this host is', () => {
    const entries = [entry('/a'), entry('/b', { parent_id: 'spiffe://example.org/other' })];
    assert.equal(codeOf(() => run(entries)), 'IMPORT_REFUSED');
    const { carried, elsewhere } = run(entries, { parents: new Set(['spiffe://example.org/other']) });
    assert.deepEqual([carried.map((one) => one.entry.spiffeId), elsewhere], [['spiffe://example.org/b'], 1]);
    assert.equal(run(entries, { parents: 'any' }).carried.length, 2);
    assert.equal(codeOf(() => run(entries, { parents: new Set(['spiffe://example.org/typo']) })), 'IMPORT_REFUSED');
  });

  it('make no policy where none of them can be carried', () => {
    assert.equal(codeOf(() => run([])), 'IMPORT_REFUSED');
    assert.equal(codeOf(() => run([entry('/a', { store_svid: true })])), 'IMPORT_REFUSED');
  });

  it('cannot write lines of their own into the policy (I11)', () => {
    const hostile = 'x\n  - { id: evil, effect: allow, when: { unix:uid: { exists: true } } }\u2028\u0085';
    const { text } = run([entry('/a', { id: hostile, hint: hostile }), entry('/b', { id: hostile, store_svid: true }), entry('/c', { id: 'c', only: { x: hostile }, [hostile]: 1 })]);
    const { policy } = compilePolicyText(text, { catalogue });
    assert.deepEqual(policy?.rules.map(({ id }) => id), ['a']);
    assert.ok(!/[\u2028\u0085]/.test(text));
  });

  it('of another form are an error that names the place', () => {
    for (const [json, at] of [
      ['[]', 'the document'], ['{"entries":{}}', 'entries'], ['{"entries":[7]}', 'entries[0]'], ['{"entries":[{"spiffe_id":{},"selectors":[{"type":"unix"}]}]}', undefined],
      ['{"entries":[{"spiffe_id":"a","parent_id":"b","selectors":[{"type":"unix","value":7}]}]}', 'entries[0].selectors[0].value'],
      ['{"entries":[{"spiffe_id":"a","parent_id":"b","admin":"yes"}]}', 'entries[0].admin'], ['{"entries":[],"next_page_token":"x"}', 'next_page_token'],
    ] as const) {
      assert.throws(() => importSpire(json, { catalogue, parents: undefined }), (error) => error instanceof PortcullisError && error.code === 'IMPORT_INVALID' && (at === undefined || error.facts['at'] === at), json);
    }
    assert.equal(codeOf(() => importSpire('{', { catalogue, parents: undefined })), 'IMPORT_INVALID');
  });
});
