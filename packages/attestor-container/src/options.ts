import { PortcullisError } from '@portcullis/core';

/** Plain data: what a gateway file may say. */
export interface ContainerOptions {
  /** Where the Docker Engine API is offered: an absolute path. `/run/docker.sock` unless told. */
  readonly socket?: string;
  /** Whose daemon it must be, before a byte is sent. 0 unless told: what another user's daemon says is `peer-asserted`. */
  readonly uid?: number;
  /** Milliseconds for one container: connect, look at the daemon, both answers. 2000 unless told. */
  readonly timeoutMs?: number;
  /** Milliseconds for which an answer serves further connections of a container that still runs. 1000 unless told; 0: never. */
  readonly cacheMs?: number;
}

export type Settings = Readonly<Required<ContainerOptions>>;

const NAMES: ReadonlySet<string> = new Set(['socket', 'uid', 'timeoutMs', 'cacheMs']);
/** SUN_PATH of every system here, without its NUL, is 103 or more. */
const MOST_PATH_BYTES = 103;

/** @throws PortcullisError `PLUGIN_OPTIONS` */
export function settingsOf(options: Readonly<Record<string, unknown>> | ContainerOptions = {}): Settings {
  const given = new Map<string, unknown>(Object.entries(options));
  for (const name of given.keys()) if (!NAMES.has(name)) throw wrong(name, `there is no option \`${name}\`: use ${[...NAMES].join(', ')}`);
  return Object.freeze({
    socket: path('socket', given.get('socket') ?? '/run/docker.sock'),
    uid: whole('uid', given.get('uid') ?? 0, 0, 0xffff_fffe),
    timeoutMs: whole('timeoutMs', given.get('timeoutMs') ?? 2000, 1, 60_000),
    cacheMs: whole('cacheMs', given.get('cacheMs') ?? 1000, 0, 60_000),
  });
}

function path(name: string, value: unknown): string {
  if (typeof value === 'string' && value.startsWith('/') && !value.includes('\0') && Buffer.byteLength(value) <= MOST_PATH_BYTES) return value;
  throw wrong(name, `\`${name}\` must be the absolute path of a Unix socket, of at most ${String(MOST_PATH_BYTES)} bytes`);
}

function whole(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw wrong(name, `\`${name}\` must be a whole number from ${String(least)} to ${String(most)}`);
}

function wrong(option: string, message: string): PortcullisError {
  return new PortcullisError('PLUGIN_OPTIONS', message, { facts: { option } });
}
