import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Context } from 'mocha';
import { requireFeature } from '@portcullis/testkit';

const OPENSSL = '/usr/bin/openssl';
export const PODS = readFileSync(fileURLToPath(new URL('../../test/fixtures/pods.json', import.meta.url)), 'utf8');
export const WEB_POD = 'a2830d0d-b0f0-4ff0-81b5-0ee4e299cf80';
export const WEB = '09bc3d7ade839efec32b6bec4ec79d099027a668ddba043083ec21d3c3b8f1e6';
export const SIDECAR = '2'.repeat(64);
export const SETUP = '1'.repeat(64);
export const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.e30.secret';

/** A kubelet's port: `/pods` with a token or a client certificate over TLS, or with nothing over http. */
export class Kubelet {
  readonly folder = mkdtempSync(join(tmpdir(), 'portcullis-kubelet-'));
  answer: RequestListener = (_request, response) => { response.setHeader('content-type', 'application/json').end(PODS); };
  asked = 0;
  #server: Server | undefined;

  at(name: string): string {
    return join(this.folder, name);
  }

  /** An authority, a certificate for 127.0.0.1 by it, one for a client, and one of nobody's. */
  static secure(ctx: Context): Kubelet {
    requireFeature(ctx, 'openssl', existsSync(OPENSSL), `no ${OPENSSL}`);
    const kubelet = new Kubelet();
    const run = (...args: readonly string[]) => execFileSync(OPENSSL, args, { cwd: kubelet.folder, stdio: 'pipe' });
    const key = (name: string) => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`];
    writeFileSync(kubelet.at('server.ext'), 'subjectAltName=IP:127.0.0.1,DNS:worker-3\n');
    run('req', '-x509', ...key('ca'), '-out', 'ca.crt', '-days', '2', '-subj', '/CN=ca');
    run('req', '-x509', ...key('other'), '-out', 'other.crt', '-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1');
    for (const name of ['server', 'client']) {
      run('req', ...key(name), '-out', `${name}.csr`, '-subj', `/CN=${name}`);
      run('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-out', `${name}.crt`, ...(name === 'server' ? ['-extfile', 'server.ext'] : []));
    }
    writeFileSync(kubelet.at('token'), `${TOKEN}\n`);
    return kubelet;
  }

  /** Serves with this certificate; over plain http without one. */
  async serve(certificate?: string): Promise<string> {
    const listener: RequestListener = (request, response) => {
      this.asked += 1;
      if (request.url === '/pods' && request.method === 'GET') this.answer(request, response);
      else response.writeHead(404).end();
    };
    const server = certificate === undefined ? createHttp(listener) : createHttps({
      key: readFileSync(this.at(`${certificate}.key`)), cert: readFileSync(this.at(`${certificate}.crt`)),
      ca: readFileSync(this.at('ca.crt')), requestCert: true, rejectUnauthorized: false,
    }, listener);
    this.#server = server;
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    return `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
