import type { Rate } from '@portcullis/core';
import type { GatewaySpec, ListenerSpec, ListenSpec } from '../gateway/gateway-spec.js';
import { parseUpstream, type Upstream } from '../gateway/upstream.js';
import { parseMode } from '../gateway/parse-mode.js';
import { parseRate } from '../gateway/parse-rate.js';
import { parseLoopback } from '../gateway/parse-tcp.js';
import { isOwnUpstream } from '../gateway/socket-conflicts.js';
import { readGatewayFile } from '../gateway/read-gateway-file.js';
import { UsageError } from './exit.js';
import { chosenPlugins } from './plugin-options.js';

export interface ServeOptions {
  readonly plugin: readonly string[];
  readonly policy?: string;
  readonly candidate?: string;
  readonly observe?: true;
  readonly ratePerUid?: string;
  readonly listen?: string;
  readonly upstream?: string;
  readonly listener: string;
  readonly mode?: string;
  readonly group?: string;
  readonly refusal?: string;
  readonly drain?: string;
  readonly maxBytes?: number;
  readonly log: string;
}

const LISTENER = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** What the options, or the gateway file, ask for. @throws UsageError, PortcullisError `PLUGIN_*`, `GATEWAY_INVALID` */
export async function specOf(file: string | undefined, options: ServeOptions): Promise<GatewaySpec> {
  if (file !== undefined) {
    const given = ['policy', 'candidate', 'observe', 'ratePerUid', 'listen', 'upstream', 'mode', 'group', 'refusal', 'drain', 'maxBytes'].filter((name) => name in options);
    if (options.plugin.length > 0) given.push('plugin');
    if (given.length > 0) throw new UsageError(`\`--${given.map((name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)).join('`, `--')}\` and a gateway file exclude each other: write it into the file`);
    return readGatewayFile(file);
  }
  const { policy, listen, upstream, listener, refusal } = options;
  if (policy === undefined || listen === undefined || upstream === undefined) {
    throw new UsageError('give a gateway file, or all of `--policy`, `--listen` and `--upstream`; `portcullis serve --help` has examples');
  }
  if (!LISTENER.test(listener)) throw new UsageError('`--listener` is a name of letters, digits, dots, dashes and underscores');
  const from = listenOf(listen, options);
  const to = upstreamOf(upstream);
  if (isOwnUpstream(from, to)) throw new UsageError('`--listen` and `--upstream` are one socket: it would pass connections on to itself');
  const spec: ListenerSpec = {
    name: listener, policy, listen: from, upstream: to,
    ...(options.candidate !== undefined && { candidate: options.candidate }),
    ...(options.observe === true && { observe: true }),
    ...(options.ratePerUid !== undefined && { ratePerUid: rateOf(options.ratePerUid) }),
    ...(refusal === 'http' && { refusal }),
  };
  const plugins = await chosenPlugins({ plugin: options.plugin });
  return { listeners: [spec], ...(plugins.length > 0 && { plugins }), ...(options.drain !== undefined && { drainMs: secondsOf(options.drain) }), ...(options.maxBytes !== undefined && { maxPolicyBytes: options.maxBytes }) };
}

function rateOf(text: string): Rate {
  const rate = parseRate(text);
  if (rate === undefined) throw new UsageError('`--rate-per-uid` is a rate such as `100/s`, `20/m` or `5/h`');
  return rate;
}

function listenOf(address: string, { mode, group }: ServeOptions): ListenSpec {
  if (address.startsWith('unix:/')) {
    return { path: address.slice('unix:'.length), ...(mode !== undefined && { mode: modeOf(mode) }), ...(group !== undefined && { group }) };
  }
  if (address.startsWith('tcp:')) return tcpOf(address.slice('tcp:'.length), mode ?? group);
  const handed = /^(?:systemd:(?<systemd>[!-9;-~]+)|fd:(?<fd>[0-9]{1,5}))$/.exec(address)?.groups;
  if (handed === undefined) throw new UsageError('`--listen` is `unix:/absolute/path`, `tcp:127.0.0.1:PORT`, `systemd:NAME` or `fd:N`');
  if (mode !== undefined || group !== undefined) throw new UsageError(OF_A_PATH);
  const { systemd, fd } = handed;
  return systemd === undefined ? { fd: Number(fd) } : { systemd };
}

const OF_A_PATH = '`--mode` and `--group` are for sockets that are made here: with `unix:`';

function tcpOf(address: string, ofPath: string | undefined): ListenSpec {
  if (ofPath !== undefined) throw new UsageError(OF_A_PATH);
  const spec = parseLoopback(address);
  if (typeof spec === 'string') throw new UsageError(`\`--listen tcp:\` ${spec}`);
  return spec;
}

/** Octal permission bits. @throws UsageError */
export function modeOf(text: string): number {
  const mode = parseMode(text);
  if (mode === undefined) throw new UsageError('`--mode` is octal permission bits: three digits, such as 660, or four with a leading zero, such as 0660');
  return mode;
}

function upstreamOf(text: string): Upstream {
  const upstream = parseUpstream(text);
  if (upstream === undefined) throw new UsageError('`--upstream` is `unix:/absolute/path` or `tcp:ADDRESS:PORT`, with an address and no name');
  return upstream;
}

function secondsOf(text: string): number {
  if (!/^[0-9]{1,6}(\.[0-9]{1,3})?$/.test(text)) throw new UsageError('`--drain` is a number of seconds');
  return Number(text) * 1000;
}
