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

  it('decides live connections by windows, limits and ends of real policies', async () => {
    let nowMs = Date.parse('2026-11-23T12:00:00Z');
    const rule = (words: string): Policy => requirePolicy(compilePolicyText(`apiVersion: portcullis/v1\nkind: AdmissionPolicy\nrules:\n  - { id: me, effect: allow, when: { unix:uid: ${String(process.getuid?.())} }, ${words} }\n`, { catalogue: new Catalogue(attestor.selectors), nowMs }));
    const daytime = 'window: { hours: "06:00-22:00", tz: UTC }';
    const gated = await harness.gate({ policy: rule(daytime), attestors: [attestor], peerSource: new LinuxPeerSource({ self: 'allow' }), clock: () => nowMs });
    const tallies: string[] = [];
    gated.on('rechecked', ({ kept, denied }) => { tallies.push(`${String(kept)} stay, ${String(denied)} go`); });
    await gated.listen(createNetServer((socket) => { socket.on('error', () => undefined).write('in'); }), { path: harness.path });
    const enter = async (): Promise<() => boolean> => {
      const client = connect(harness.path);
      let [text, closed] = ['', false];
      client.on('data', (bytes) => { text += bytes.toString(); }).on('error', () => undefined).once('close', () => { closed = true; });
      await until(() => text === 'in');
      return () => closed;
    };
    const put = async (words: string): Promise<string | undefined> => {
      const before = tallies.length;
      await gated.setPolicy(rule(words));
      await until(() => tallies.length > before);
      return tallies.at(-1);
    };
    const first = await enter();
    // Of a limit of one, one is in: it is neither charged nor refused, and its place is still taken.
    const one = `limit: { key: [unix:uid], rate: 1/h, burst: 1, concurrent: 1 }, ${daytime}`;
    assert.equal(await put(one), '1 stay, 0 go');
    const second = await enter();
    assert.deepEqual([await put(`${one}, reason: other words`), await put(`${one}, reason: and others`)], ['2 stay, 0 go', '2 stay, 0 go']);
    assert.equal(gated.load.live, 2);
    nowMs = Date.parse('2026-11-23T23:00:00Z'); // the window closes: both stay
    assert.deepEqual([first(), second()], [false, false]);
    assert.equal(await put(daytime), '0 stay, 2 go');
    await until(() => first() && second());
    assert.equal(await put('expires: 2026-11-24T00:00:00Z'), '0 stay, 0 go');
    await enter();
    nowMs = Date.parse('2026-11-24T00:00:00Z');
    assert.equal(await put('expires: 2026-11-24T00:00:00Z'), '0 stay, 1 go');
  });
});
