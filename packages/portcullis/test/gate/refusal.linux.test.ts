import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createSecureServer, createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { join } from 'node:path';
import { requireFeature } from '@portcullis/testkit';
import { admissionOf } from '@portcullis/core';
import { certificate, Harness, needLinux } from './support/harness.js';

describe('the gate and curl', function () {
  let harness: Harness;
  let reached: string[];
  before(async function () {
    needLinux(this);
    const asking = new Harness();
    const { stdout } = await asking.run('curl', ['--version'], false);
    await asking.close();
    requireFeature(this, 'curl', stdout.includes('UnixSockets') && stdout.includes('HTTP2'), 'no curl here that speaks HTTP/2 over Unix sockets');
  });
  beforeEach(() => {
    harness = new Harness();
    reached = [];
  });
  afterEach(() => harness.close());

  const curl = (admit: boolean, ...args: string[]): ReturnType<Harness['run']> =>
    harness.run('curl', ['--silent', '--show-error', '--noproxy', '*', '--unix-socket', harness.path, '--write-out', '|%{http_code}', ...args], admit);

  it('makes a socket that only its owner may connect to', async () => {
    await harness.serve(createServer());
    assert.equal(statSync(harness.path).mode & 0o7777, 0o600);
  });

  it('http: admitted and refused', async () => {
    await harness.serve(createServer((request, response) => {
      reached.push(request.url ?? '');
      response.end(String(admissionOf(request).peer?.uid));
    }));
    const refused = await curl(false, 'http://x/refused');
    assert.deepEqual([refused.stdout, refused.code === 0], ['|000', false]);
    assert.equal((await curl(true, 'http://x/admitted')).stdout, `${String(process.getuid?.())}|200`);
    assert.deepEqual(reached, ['/admitted']);
  });

  for (const [what, size] of [['nothing', 0], ['a body', 200_000], ['a body larger than every buffer', 8 << 20]] as const) {
    it(`a refusal in HTTP is read by a client that sends ${what}`, async () => {
      await harness.serve(createServer((request, response) => {
        reached.push(request.url ?? '');
        response.end();
      }), { refusal: 'http' });
      const body = join(harness.folder, 'body');
      writeFileSync(body, Buffer.alloc(size));
      const { stdout } = await curl(false, '--output', '/dev/null', '--header', 'Expect:', ...(size === 0 ? [] : ['--data-binary', `@${body}`]), 'http://x/refused');
      assert.deepEqual([stdout, reached], ['|403', []]);
    });
  }

  it('http2 in clear, with prior knowledge', async () => {
    await harness.serve(createHttp2Server((request, response) => {
      reached.push(request.url);
      response.end(`${request.httpVersion} ${String(admissionOf(request).peer?.uid)}`);
    }));
    assert.equal((await curl(false, '--http2-prior-knowledge', 'http://x/refused')).stdout, '|000');
    assert.equal((await curl(true, '--http2-prior-knowledge', 'http://x/admitted')).stdout, `2.0 ${String(process.getuid?.())}|200`);
    assert.deepEqual(reached, ['/admitted']);
  });

  it('http2 with TLS', async function () {
    const tls = certificate(this, harness.folder);
    await harness.serve(createSecureServer(tls, (request, response) => {
      reached.push(request.url);
      response.end(`${request.httpVersion} ${String(admissionOf(request).peer?.uid)}`);
    }));
    const trust = ['--cacert', join(harness.folder, 'cert.pem')];
    assert.equal((await curl(false, '--http2', ...trust, 'https://localhost/refused')).stdout, '|000');
    assert.equal((await curl(true, '--http2', ...trust, 'https://localhost/admitted')).stdout, `2.0 ${String(process.getuid?.())}|200`);
    assert.deepEqual(reached, ['/admitted']);
  });

  it('takes no HTTP refusal for a server behind TLS, and leaves no socket behind', async function () {
    const tls = certificate(this, harness.folder);
    const gate = await harness.gate({ refusal: 'http' });
    for (const server of [createHttpsServer(tls), createSecureServer(tls)]) {
      await assert.rejects(gate.listen(server, { path: harness.path }), { code: 'GATE_OPTIONS' });
    }
    assert.throws(() => statSync(harness.path), { code: 'ENOENT' });
  });
});
