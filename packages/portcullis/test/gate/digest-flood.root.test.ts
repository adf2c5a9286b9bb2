import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, truncateSync } from 'node:fs';
import { createServer } from 'node:net';
import { LinuxAttestor } from '@portcullis/attestor-linux';
import { Catalogue } from '@portcullis/core';
import { compilePolicyText, requirePolicy } from '@portcullis/policy';
import { compiled } from '../../../attestor-linux/dist-test/support/compile.js';
import { needAttacks } from '../../../attestor-linux/dist-test/support/features.js';
import type { PeerProcess } from '../../../attestor-linux/dist-test/support/peer-process.js';
import { Stage } from '../../../attestor-linux/dist-test/support/stage.js';
import { Harness, until } from './support/harness.js';

const [FLOODER, HONEST] = [1234, 1235] as const;
const HUGE = 24;

describe('the gate, and a user who floods it with huge programs', function () {
  this.timeout(120_000);
  let harness: Harness;
  let stage: Stage;
  before(function () { needAttacks(this); });
  beforeEach(async () => {
    harness = new Harness();
    stage = await Stage.open();
  });
  afterEach(async () => {
    await harness.close();
    await stage.close();
  });

  async function puppet(program: string, uid: number): Promise<PeerProcess> {
    const started = stage.start(program, [harness.path], { uid });
    await started.expect('ready');
    return started;
  }

  it('admits another user by digest, again and again, while the flood is refused (T17, T20)', async () => {
    const honest = stage.install(compiled('puppet'), 'honest');
    const sha256 = createHash('sha256').update(readFileSync(honest)).digest('hex');
    const attestor = new LinuxAttestor();
    const yaml = `
apiVersion: portcullis/v1
kind: AdmissionPolicy
metadata: { name: digests }
rules:
  - { id: honest, effect: allow, when: { unix:sha256: "${sha256}" , unix:uid: { range: [${String(FLOODER)}, ${String(HONEST)}] } } }
`;
    const policy = requirePolicy(compilePolicyText(yaml, { catalogue: new Catalogue(attestor.selectors) }));
    const gate = await harness.gate({ policy, attestors: [attestor] });
    await gate.listen(createServer((socket) => { socket.on('error', () => undefined).destroy(); }), { path: harness.path, mode: 0o666 });
    const flood: PeerProcess[] = [];
    for (let nth = 0; nth < HUGE; nth += 1) {
      const program = stage.install(honest, `huge-${String(nth)}`);
      truncateSync(program, 900 * 2 ** 20); // sparse
      flood.push(await puppet(program, FLOODER));
    }
    await Promise.all(flood.map((one) => one.tell('connect')));
    let admitted = 0;
    for (; admitted < 10; admitted += 1) {
      const before = admissions(HONEST);
      const one = await puppet(stage.install(honest, `honest-${String(admitted)}`), HONEST); // a file that nobody knows yet
      await one.tell('connect');
      await until(() => admissions(HONEST) > before);
      assert.equal(harness.records.find(({ peer, decision }) => peer?.uid === HONEST && decision.effect === 'deny'), undefined);
      await one.kill();
    }
    await until(() => harness.records.length === HUGE + admitted);
    const refused = harness.records.filter(({ peer }) => peer?.uid === FLOODER);
    assert.deepEqual([refused.length, new Set(refused.map(({ decision }) => decision.effect))], [HUGE, new Set(['deny'])]);
    // Most of it was turned away at once: there was no room for so many of one user.
    const limited = refused.filter(({ evidence }) => { const entry = evidence.get('unix:sha256'); return entry?.state === 'unknown' && entry.why === 'limit'; });
    assert.ok(limited.length >= HUGE - 8 - 4, String(limited.length));
  });

  function admissions(uid: number): number {
    return harness.records.filter(({ peer }) => peer?.uid === uid).length;
  }
});
