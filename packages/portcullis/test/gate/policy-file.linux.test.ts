import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, createServer as createNetServer } from 'node:net';
import { LinuxAttestor, LinuxPeerSource } from '@portcullis/attestor-linux';
import { admissionOf, Catalogue, createGate, toRecord, type Attestor, type Gate, type Policy } from '@portcullis/core';
import { compilePolicyText, requirePolicy } from '@portcullis/policy';
import { Harness, needLinux, until } from './support/harness.js';

/** A policy file before a real server: which program may come through is a matter of its digest, which is learnt late. */
describe('the gate with a policy file', function () {
  let harness: Harness;
  let attestor: LinuxAttestor;
  const digest = createHash('sha256').update(readFileSync(process.execPath)).digest('hex');
  const yaml = (sha256: string): string => `
apiVersion: portcullis/v1
kind: AdmissionPolicy
metadata: { name: digests }
rules:
  - id: this-node
    effect: allow
    when: { unix:uid: ${String(process.getuid?.())}, unix:sha256: "${sha256}" }
    requires: image-unverified
    grant: { role: node }
  - id: no-container
    effect: deny
    mode: shadow
    when: { unix:path: { glob: "/**" } }
`;
  before(function () { needLinux(this); });
  beforeEach(() => {
    harness = new Harness();
    attestor = new LinuxAttestor();
  });
  afterEach(() => harness.close());

  const policy = (sha256 = digest): Policy => requirePolicy(compilePolicyText(yaml(sha256), { catalogue: new Catalogue(attestor.selectors) }));
  const gate = (): Promise<Gate> => harness.gate({ policy: policy(), attestors: [attestor], collect: ['unix:gid'] });

  it('admits the program by its digest, refuses another, and neither is read before', async () => {
    const reached: string[] = [];
    await (await gate()).listen(createServer((request, response) => {
      reached.push(request.url ?? '');
      response.end(JSON.stringify(admissionOf(request).decision.grant));
    }), { path: harness.path });
    assert.deepEqual(await harness.admittedClient('http'), { status: 200, body: '{"role":"node"}' });
    const { stdout } = await harness.run('sh', ['-c', 'command -v curl >/dev/null && exec curl --silent --write-out "%{http_code}" --unix-socket "$1" http://x/refused; echo 000', 'sh', harness.path], false);
    assert.match(stdout.trim(), /^(000)+$/);
    assert.deepEqual(reached, ['/']);
  });

  it('keeps what a client sent, and its end, while the digest is worked out', async () => {
    const heard: string[] = [];
    await (await gate()).listen(createNetServer({ allowHalfOpen: true }, (socket) => {
      socket.on('data', (bytes) => { heard.push(bytes.toString()); }).on('end', () => { socket.end('heard'); });
    }), { path: harness.path });
    assert.deepEqual(await harness.admittedClient('net', { send: 'sent before anybody knew me' }), { body: 'heard' });
    assert.deepEqual(heard, ['sent before anybody knew me']);
  });

  it('records evidence, tiers, shadow results and what `collect` wants', async () => {
    const gated = await gate();
    await gated.listen(createServer((_, response) => { response.end(); }), { path: harness.path });
    await harness.admittedClient('http');
    await until(() => harness.records.length === 1);
    const record = toRecord(harness.records[0]!, gated.catalogue);
    assert.deepEqual([record.decision, record.rule, record.grant], ['allow', 'this-node', { role: 'node' }]);
    assert.deepEqual(record.selectors['unix:sha256']?.values, [digest]);
    assert.deepEqual(record.selectors['unix:gid']?.values, [process.getgid?.()]);
    assert.deepEqual(record.shadow?.map(({ rule, effect }) => [rule, effect]), [['no-container', 'deny']]);
    assert.equal(record.path, realpathSync(process.execPath));
  });

  it('refuses the same client once the policy names another digest', async () => {
    const gated = await gate();
    await gated.listen(createServer((_, response) => { response.end('ok'); }), { path: harness.path });
    assert.equal((await harness.admittedClient('http')).status, 200);
    await gated.setPolicy(policy('0'.repeat(64)));
    const seen = await harness.admittedClient('http');
    assert.equal(seen.status, undefined);
    await until(() => harness.records.length === 2);
    const { nearest } = toRecord(harness.records[1]!, gated.catalogue);
    assert.deepEqual(nearest?.failed.map(({ key, observed }) => [key, observed]), [['unix:sha256', digest]]);
  });

  it('works out no digest for a peer whose uid settles it', async () => {
    const asked: string[] = [];
    const watched: Attestor = {
      name: attestor.name,
      selectors: attestor.selectors,
      prepare: (literals) => attestor.prepare(literals),
      attest: (peer, wanted) => {
        asked.push(...wanted);
        return attestor.attest(peer, wanted);
      },
    };
    const other = requirePolicy(compilePolicyText(yaml(digest).replace(/unix:uid: \d+/, 'unix:uid: 4000000000').replace(/  - id: no-container[^]*/, ''), { catalogue: new Catalogue(attestor.selectors) }));
    const gated = await createGate({ policy: other, peerSource: new LinuxPeerSource({ self: 'allow' }), attestors: [watched] });
    const server = createNetServer();
    gated.guard(server);
    server.listen(`${harness.path}.other`);
    const client = connect(`${harness.path}.other`).on('error', () => undefined);
    await new Promise((resolve) => client.once('close', resolve));
    assert.deepEqual(asked, ['unix:uid']);
    await gated.close();
    server.close();
  });
});
