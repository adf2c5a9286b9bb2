import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { request as httpRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { KubeletFailure } from './failure.js';
import type { Kubelet } from './options.js';

/** Some hundred pods, with all that can be annotated. */
const MOST_BYTES = 16 * 1024 * 1024;
const MOST_FILE_BYTES = 1024 * 1024;

/**
 * `GET /pods`, as text that is UTF-8. One connection a question; no redirect is followed, and no proxy asked.
 * @throws KubeletFailure
 */
export function fetchPods(kubelet: Kubelet): Promise<string> {
  return new Promise((resolve, reject) => {
    const { url, timeoutMs } = kubelet;
    const make = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = opened(() => make(new URL('/pods', url), { method: 'GET', agent: false, ...optionsOf(kubelet) }));
    const fail = (failure: KubeletFailure): void => {
      clearTimeout(timer);
      request.destroy();
      reject(failure);
    };
    const timer = setTimeout(() => { fail(new KubeletFailure(`the kubelet did not answer within ${String(timeoutMs)} ms`, 'timeout')); }, timeoutMs);
    request.on('error', (error) => { fail(new KubeletFailure(`the kubelet cannot be asked: ${error.message.slice(0, 300)}`)); });
    request.on('response', (response) => {
      const refused = statusFailure(response.statusCode ?? 0);
      if (refused !== undefined) fail(refused);
      else collect(response, (text) => { clearTimeout(timer); resolve(text); }, fail);
    });
    request.end();
  });
}

/** Certificates and keys are renewed file by file: what does not fit together now may do so when it is read again. */
function opened(open: () => ClientRequest): ClientRequest {
  try {
    return open();
  } catch (error) {
    if (error instanceof KubeletFailure) throw error;
    throw new KubeletFailure(`the kubelet cannot be asked with this certificate and key: ${error instanceof Error ? error.message.slice(0, 300) : ''}`);
  }
}

function collect(response: IncomingMessage, done: (text: string) => void, fail: (failure: KubeletFailure) => void): void {
  const pieces: Buffer[] = [];
  let total = 0;
  response.on('data', (piece: Buffer) => {
    total += piece.length;
    if (total > MOST_BYTES) {
      pieces.length = 0;
      fail(new KubeletFailure(`the kubelet answers more than ${String(MOST_BYTES)} bytes`, 'limit'));
    } else pieces.push(piece);
  });
  response.on('error', () => { fail(new KubeletFailure('the kubelet broke off its answer')); });
  response.on('close', () => { if (!response.complete) fail(new KubeletFailure('the kubelet broke off its answer')); });
  response.on('end', () => {
    if (!response.complete) return;
    try {
      done(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces))); // I11: strictly
    } catch {
      fail(new KubeletFailure('the kubelet answers what is not UTF-8', 'undecodable'));
    }
  });
}

function statusFailure(status: number): KubeletFailure | undefined {
  if (status === 200) return undefined;
  const message = `the kubelet answers with status ${String(status)}`;
  return new KubeletFailure(message, status === 401 || status === 403 ? 'permission' : 'service-down');
}

function optionsOf({ ca, serverName, token, certificate, key }: Kubelet): RequestOptions & { ca?: string; servername?: string; cert?: string; key?: string; rejectUnauthorized?: true } {
  return {
    ...(ca === undefined ? {} : { ca: readSecret(ca), rejectUnauthorized: true }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(certificate === undefined ? {} : { cert: readSecret(certificate) }),
    ...(key === undefined ? {} : { key: readSecret(key) }),
    headers: { accept: 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${bearer(readSecret(token))}` }) },
  };
}

/** Never in a message: only whose file it was. */
function bearer(text: string): string {
  const token = text.trim();
  if (!/^[\x21-\x7e]+$/.test(token)) throw new KubeletFailure('the file of the token has no token');
  return token;
}

function readSecret(path: string): string {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const { size } = fstatSync(fd);
      if (!fstatSync(fd).isFile() || size > MOST_FILE_BYTES) throw new Error('not a small regular file');
      const bytes = Buffer.alloc(size);
      return bytes.subarray(0, readSync(fd, bytes)).toString('latin1');
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw new KubeletFailure(`\`${path}\` cannot be read: ${error instanceof Error ? error.message : ''}`);
  }
}
