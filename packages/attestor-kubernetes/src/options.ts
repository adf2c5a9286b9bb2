import { isAbsolute } from 'node:path';
import { PortcullisError } from '@portcullis/core';

/** How the kubelet is asked. Files are read for each question, since tokens and certificates are renewed. */
export interface KubernetesOptions {
  /** `https://127.0.0.1:10250`, or the read-only port: `http://127.0.0.1:10255`, on a loopback address only. */
  readonly url?: string;
  /** File of the authorities that may have signed the kubelet's certificate. */
  readonly ca?: string;
  /** The name in the kubelet's certificate, where it is not the host of `url`. */
  readonly serverName?: string;
  /** File of a bearer token. */
  readonly token?: string;
  /** Files of a client certificate and its key, instead of a token. */
  readonly certificate?: string;
  readonly key?: string;
  /** Milliseconds for one question; keep it below the gate's deadline. */
  readonly timeoutMs?: number;
  /** Milliseconds that a list serves. */
  readonly cacheMs?: number;
}

export interface Kubelet {
  readonly url: URL;
  readonly ca: string | undefined;
  readonly serverName: string | undefined;
  readonly token: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly timeoutMs: number;
  readonly cacheMs: number;
}

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const TEXTS = ['url', 'ca', 'serverName', 'token', 'certificate', 'key'] as const;
const NUMBERS = ['timeoutMs', 'cacheMs'] as const;
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]']);

/** @throws PortcullisError `PLUGIN_OPTIONS` */
export function kubeletOf(options: Readonly<Record<string, unknown>>): Kubelet {
  const given = checked(options);
  const url = urlOf(given.url ?? 'https://127.0.0.1:10250');
  if (url.protocol === 'http:') {
    for (const name of ['ca', 'serverName', 'token', 'certificate', 'key'] as const) {
      if (given[name] !== undefined) throw wrong(name, 'has no meaning over http, and a secret must not be sent there');
    }
    if (!LOOPBACK.has(url.hostname)) throw wrong('url', 'must name 127.0.0.1 or [::1] over http');
  }
  if ((given.certificate === undefined) !== (given.key === undefined)) throw wrong('certificate', 'and `key` come together');
  const secure = url.protocol === 'https:';
  return {
    url, serverName: given.serverName, certificate: given.certificate, key: given.key,
    ca: secure ? given.ca ?? `${ACCOUNT}/ca.crt` : undefined,
    token: secure && given.certificate === undefined ? given.token ?? `${ACCOUNT}/token` : given.token,
    timeoutMs: given.timeoutMs ?? 2000,
    cacheMs: given.cacheMs ?? 5000,
  };
}

function checked(options: Readonly<Record<string, unknown>>): KubernetesOptions {
  for (const [name, value] of Object.entries(options)) {
    if ((TEXTS as readonly string[]).includes(name)) {
      if (typeof value !== 'string' || value === '') throw wrong(name, 'must be text');
      if (['ca', 'token', 'certificate', 'key'].includes(name) && !isAbsolute(value)) throw wrong(name, 'must be an absolute path');
    } else if (!(NUMBERS as readonly string[]).includes(name)) throw wrong(name, `is not an option; there are ${[...TEXTS, ...NUMBERS].join(', ')}`);
    else if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1 || value > 600_000) throw wrong(name, 'must be a whole number of milliseconds from 1 to 600000');
  }
  return options;
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    throw wrong('url', 'must be like `https://127.0.0.1:10250`');
  }
  return url;
}

function wrong(option: string, what: string): PortcullisError {
  return new PortcullisError('PLUGIN_OPTIONS', `\`${option}\` ${what}`, { facts: { option } });
}
