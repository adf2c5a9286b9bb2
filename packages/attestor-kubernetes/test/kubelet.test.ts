import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { KubernetesAttestor, type KubernetesOptions } from '@portcullis/attestor-kubernetes';
import { formatSelector, type Evidenced, type SelectorKey } from '@portcullis/core';
import { ALL, ask } from './support/ask.js';
import { Kubelet, PODS, SETUP, SIDECAR, TOKEN, WEB, WEB_POD } from './support/kubelet.js';

const IN_WEB = { pod: WEB_POD, container: WEB };

describe('pods of the kubelet', function () {
  let kubelet: Kubelet;

  function assertUnknown(found: ReadonlyMap<string, Evidenced>, why: string): void {
    for (const key of ALL) {
      const entry = found.get(key);
      assert.equal(entry?.state === 'unknown' ? entry.why : entry?.state, why, JSON.stringify(entry));
      assert.ok(!JSON.stringify(entry).includes(TOKEN));
    }
  }

  afterEach(async () => { await kubelet.close(); });

  describe('over TLS', () => {
    beforeEach(function () { kubelet = Kubelet.secure(this); });

    const options = (url: string, more: KubernetesOptions = {}): Record<string, unknown> => ({ url, ca: kubelet.at('ca.crt'), token: kubelet.at('token'), timeoutMs: 20_000, ...more });

    it('give a peer the selectors of SPIRE, by pod uid and container id', async () => {
      const authorizations: unknown[] = [];
      kubelet.answer = (request, response) => { authorizations.push(request.headers.authorization); response.end(PODS); };
      const found = await ask(new KubernetesAttestor(options(await kubelet.serve('server'))), IN_WEB);
      assert.deepEqual(selectorsIn(found), [
        'k8s:container-image:registry.test/web:1.4', 'k8s:container-image:registry.test/web@sha256:1e4c481d76e9ecbd3d8684891e0e46aa021a30920ca04936e1fdcc552747d941',
        'k8s:container-name:web', 'k8s:node-name:worker-3', 'k8s:ns:prod', 'k8s:pod-image-count:2',
        'k8s:pod-image:registry.test/proxy:3', 'k8s:pod-image:registry.test/proxy@sha256:2e00000000000000000000000000000000000000000000000000000000000000',
        'k8s:pod-image:registry.test/web:1.4', 'k8s:pod-image:registry.test/web@sha256:1e4c481d76e9ecbd3d8684891e0e46aa021a30920ca04936e1fdcc552747d941',
        'k8s:pod-init-image-count:1', 'k8s:pod-init-image:registry.test/setup:1', 'k8s:pod-init-image:registry.test/setup@sha256:0a00000000000000000000000000000000000000000000000000000000000000',
        'k8s:pod-label:app.kubernetes.io/name:web', 'k8s:pod-label:app:web', 'k8s:pod-label:canary:', 'k8s:pod-label:pod-template-hash:6658cb9566',
        'k8s:pod-name:web-6658cb9566-5n4b4', 'k8s:pod-owner-uid:ReplicaSet:349d135e-3781-43e3-bc25-c900aedf1d0c', 'k8s:pod-owner:ReplicaSet:web-6658cb9566', 'k8s:sa:web',
      ]);
      for (const key of ALL) { const entry = found.get(key); assert.equal(entry?.state === 'present' && entry.tier, 'derived'); }
      assert.deepEqual(authorizations, [`Bearer ${TOKEN}`]);
    });

    it('take a client certificate in place of a token', async () => {
      let seen: string | undefined;
      kubelet.answer = (request: IncomingMessage, response) => {
        assert.ok(request.socket instanceof TLSSocket);
        seen = request.socket.authorized ? String(request.socket.getPeerCertificate().subject.CN) : 'nobody';
        assert.equal(request.headers.authorization, undefined);
        response.end(PODS);
      };
      const url = await kubelet.serve('server');
      const attestor = new KubernetesAttestor({ url, ca: kubelet.at('ca.crt'), certificate: kubelet.at('client.crt'), key: kubelet.at('client.key'), timeoutMs: 20_000 });
      assert.equal((await ask(attestor, IN_WEB)).get('k8s:ns')?.state, 'present');
      assert.equal(seen, 'client');
    });

    it('are asked for again once a certificate and its key, which were read while they were renewed, fit together', async () => {
      const url = await kubelet.serve('server');
      const key = kubelet.at('renewed.key');
      const attestor = new KubernetesAttestor({ url, ca: kubelet.at('ca.crt'), certificate: kubelet.at('client.crt'), key, timeoutMs: 20_000 });
      for (const torn of [readFileSync(kubelet.at('other.key')), readFileSync(kubelet.at('client.key')).subarray(0, 100)]) {
        writeFileSync(key, torn);
        assertUnknown(await ask(attestor, IN_WEB), 'service-down');
        await sleep(300); // the pause between two questions
      }
      copyFileSync(kubelet.at('client.key'), key);
      assert.equal((await ask(attestor, IN_WEB)).get('k8s:ns')?.state, 'present');
    });

    it('of a server that the authority did not sign, or of another name, are not asked for: it gets no token', async () => {
      assertUnknown(await ask(new KubernetesAttestor(options(await kubelet.serve('other'))), IN_WEB), 'service-down');
      await kubelet.stop();
      const url = await kubelet.serve('server');
      assertUnknown(await ask(new KubernetesAttestor(options(url, { serverName: 'worker-4' })), IN_WEB), 'service-down');
      assert.equal(kubelet.asked, 0);
      assert.equal((await ask(new KubernetesAttestor(options(url, { serverName: 'worker-3' })), IN_WEB)).get('k8s:ns')?.state, 'present');
    });

    it('are unknown where the token is missing or not taken', async () => {
      const url = await kubelet.serve('server');
      assertUnknown(await ask(new KubernetesAttestor(options(url, { token: kubelet.at('none') })), IN_WEB), 'service-down');
      for (const status of [401, 403]) {
        kubelet.answer = (_request, response) => { response.writeHead(status).end('Unauthorized'); };
        assertUnknown(await ask(new KubernetesAttestor(options(url)), IN_WEB), 'permission');
      }
    });
  });

  describe('over the read-only port', () => {
    beforeEach(() => { kubelet = new Kubelet(); });

    async function open(more: KubernetesOptions = {}): Promise<KubernetesAttestor> {
      return new KubernetesAttestor({ url: await kubelet.serve(), timeoutMs: 20_000, ...more });
    }

    it('are heuristic: whoever took the port first may have answered', async () => {
      const entry = (await ask(await open(), IN_WEB)).get('k8s:ns');
      assert.deepEqual(entry, { state: 'present', values: ['prod'], tier: 'heuristic' });
    });

    it('tell containers of one pod apart, init containers too', async () => {
      const attestor = await open();
      for (const [container, name] of [[WEB, 'web'], [SIDECAR, 'sidecar'], [SETUP, 'setup']] as const) {
        const entry = (await ask(attestor, { pod: WEB_POD, container })).get('k8s:container-name');
        assert.deepEqual(entry?.state === 'present' && entry.values, [name]);
      }
    });

    it('are absent of a peer in no container or no pod, and nobody is asked', async () => {
      const attestor = await open();
      for (const anchored of [{ pod: null, container: null }, { pod: null, container: WEB }]) {
        for (const entry of [...(await ask(attestor, anchored))].filter(([key]) => ALL.includes(key as SelectorKey))) assert.equal(entry[1].state, 'absent');
      }
      assert.equal(kubelet.asked, 0);
    });

    it('are unknown, not absent, where pod and container do not belong together (I4)', async () => {
      const attestor = await open();
      assertUnknown(await ask(attestor, { pod: WEB_POD, container: 'f'.repeat(64) }), 'service-down');
      assertUnknown(await ask(attestor, { pod: 'b5555555-0000-4000-8000-000000000001', container: WEB }), 'service-down');
      assertUnknown(await ask(attestor, { pod: '__proto__', container: WEB }), 'service-down');
    });

    it('of one uid twice are told apart by nobody', async () => {
      const list = JSON.parse(PODS) as { items: unknown[] };
      kubelet.answer = (_request, response) => { response.end(JSON.stringify({ ...list, items: [...list.items, list.items[0]] })); };
      assertUnknown(await ask(await open(), IN_WEB), 'service-down');
    });

    it('are asked for once, however many peers wait, and then not for a while', async () => {
      kubelet.answer = (_request, response) => { setTimeout(() => response.end(PODS), 50); };
      const attestor = await open();
      await Promise.all(Array.from({ length: 50 }, () => ask(attestor, IN_WEB)));
      await ask(attestor, IN_WEB);
      assert.equal(kubelet.asked, 1);
    });

    it('that are new are looked for in a newer list', async () => {
      const attestor = await open({ cacheMs: 600_000 });
      const list = JSON.parse(PODS) as { items: unknown[] };
      kubelet.answer = (_request, response) => { response.end(JSON.stringify({ ...list, items: [] })); };
      assertUnknown(await ask(attestor, IN_WEB), 'service-down');
      kubelet.answer = (_request, response) => { response.end(PODS); };
      await sleep(300); // the pause between two questions
      assert.equal((await ask(attestor, IN_WEB)).get('k8s:ns')?.state, 'present');
      await ask(attestor, IN_WEB);
      assert.equal(kubelet.asked, 2);
    });

    it('of a kubelet that is down are unknown', async () => {
      const attestor = await open();
      await kubelet.stop();
      assertUnknown(await ask(attestor, IN_WEB), 'service-down');
    });

    it('of a kubelet that never answers, or drips, are given up, and nothing is left open', async () => {
      const before = readdirSync('/proc/self/fd').length;
      for (const drip of [false, true]) {
        kubelet.answer = (_request, response) => {
          if (!drip) return;
          const timer = setInterval(() => response.write(' '), 20);
          response.on('close', () => { clearInterval(timer); });
        };
        assertUnknown(await ask(await open({ timeoutMs: 300 }), IN_WEB), 'timeout');
        await kubelet.stop();
      }
      assertUnknown(await ask(await open({ timeoutMs: 600_000 }), IN_WEB, AbortSignal.timeout(100)), 'timeout');
      await kubelet.stop();
      for (let tries = 0; tries < 200 && readdirSync('/proc/self/fd').length > before; tries += 1) await sleep(20);
      assert.ok(readdirSync('/proc/self/fd').length <= before);
    });

    it('are not read beyond 16 MiB', async () => {
      let written = 0;
      kubelet.answer = (_request, response) => {
        const piece = Buffer.alloc(1024 * 1024, 0x20);
        const more = (): void => {
          while (written < 50 && !response.destroyed) {
            written += 1;
            if (!response.write(piece)) { response.once('drain', more); return; }
          }
          response.end();
        };
        more();
      };
      assertUnknown(await ask(await open(), IN_WEB), 'limit');
    });

    it('hold nothing up, whatever is answered in 16 MiB (T20)', async () => {
      for (const body of ['['.repeat(16_000_000), `{"items":[${'{},'.repeat(5_000_000)}{}]}`]) {
        kubelet.answer = (_request, response) => { response.end(body); };
        const attestor = await open();
        const before = process.cpuUsage();
        assertUnknown(await ask(attestor, IN_WEB), 'limit');
        const { user } = process.cpuUsage(before);
        assert.ok(user < 2_000_000, `${String(user)} µs`); // 5 s and more, with up to 900 MB, if it were parsed
        await kubelet.stop();
      }
    });

    it('that are many have longer pauses between them: most of the time is left to others (T20)', async () => {
      const labels = Object.fromEntries(Array.from({ length: 40_000 }, (_, index) => [`x${String(index)}`, '']));
      const body = JSON.stringify({ items: [{ metadata: { uid: 'other', labels } }] });
      const answered: number[] = [];
      kubelet.answer = (_request, response) => { answered.push(performance.now()); response.end(body); };
      const attestor = await open();
      await ask(attestor, IN_WEB);
      const [first = 0] = answered;
      const readMs = performance.now() - first; // and a little more: what it took to send it
      while (answered.length < 2) {
        await ask(attestor, IN_WEB);
        await sleep(20);
      }
      const pausedMs = (answered[1] ?? 0) - first - readMs;
      assert.ok(pausedMs > Math.max(200, 2 * readMs), `${String(pausedMs)} ms after ${String(readMs)} ms`);
    });

    it('of an answer that is no list of pods are unknown', async () => {
      const list = JSON.parse(PODS) as { items: object[] };
      const changed = (change: object) => JSON.stringify({ items: [{ ...list.items[0], ...change }] });
      for (const body of [
        'no', '[]', '{"items":7}', '{"items":[7]}', changed({ metadata: { uid: 7 } }), changed({ metadata: { uid: WEB_POD, labels: { a: 7 } } }), changed({ metadata: { uid: WEB_POD, name: 'x\0y' } }),
        changed({ spec: { nodeName: 'x'.repeat(5000) } }), Buffer.from([0x22, 0xff, 0x22]),
      ]) {
        kubelet.answer = (_request, response) => { response.end(body); };
        assertUnknown(await ask(await open(), IN_WEB), 'undecodable');
        await kubelet.stop();
      }
    });

    it('are not looked for where a redirect leads', async () => {
      kubelet.answer = (_request, response) => { response.writeHead(302, { location: '/pods' }).end(); };
      assertUnknown(await ask(await open(), IN_WEB), 'service-down');
      assert.equal(kubelet.asked, 1);
    });
  });
});

function selectorsIn(found: ReadonlyMap<string, Evidenced>): readonly string[] {
  return [...found].filter(([key]) => ALL.includes(key as SelectorKey))
    .flatMap(([key, entry]) => (entry.state === 'present' ? entry.values.map((value) => formatSelector({ key: key as SelectorKey, value })) : [])).sort();
}

