import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { PortcullisError } from './errors.js';
import type { BindOptions, BoundSocket, ListenPort } from './listener.js';
import { assertTrusted, rootAndUs } from './trusted-program.js';

/** A socket that is made safely and passed under a name, by which the child finds it: `LISTEN_FDNAMES`. */
export interface HandedSocket extends BindOptions {
  readonly name: string;
}

export interface HandOverSettings {
  /** In the order of their descriptors, which begin at 3. */
  readonly sockets: readonly HandedSocket[];
  /** Absolute: nothing is looked up through PATH (I9). The file and every folder above it must be root's or ours alone. */
  readonly command: string;
  readonly args?: readonly string[];
  /** All of its environment, beside LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES. Empty unless told; `PWD` is never passed on. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Both or neither: another user with our group would still have what our group may do. */
  readonly uid?: number;
  readonly gid?: number;
  /** For its standard input, output and error. `inherit` unless told. */
  readonly stdio?: 'inherit' | 'ignore' | 'pipe';
}

/** Plain values: no container is needed. */
export interface HandOverOptions extends HandOverSettings {
  readonly listenPort: ListenPort;
}

export interface HandedOver {
  /** Its pid is that of the command, and what LISTEN_PID says. */
  readonly child: ChildProcess;
  /** What was made, in the order of `sockets`. Our copies of the descriptors are closed. */
  readonly sockets: readonly Omit<BoundSocket, 'fd' | 'release'>[];
}

/**
 * The pid of the child is known only to the child: a shell sets LISTEN_PID to its own, and becomes the command, which keeps
 * it. What the shell itself puts into the environment is taken out again.
 */
const SHELL = '/bin/sh';
const BECOME = 'unset PWD OLDPWD SHLVL; LISTEN_PID=$$ exec "$0" "$@"';
/** sd_listen_fds_with_names(3): printable ASCII without a colon, at most 255 characters. */
const SOCKET_NAME = /^[\x20-\x39\x3b-\x7e]{1,255}$/;
/** What a shell passes on; it drops other variables without a word. */
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Makes sockets that listen already, starts a program that inherits them (sd_listen_fds(3)), and closes our own copies:
 * whoever connects before the program is ready waits in the queue. The paths are removed when the program exits.
 *
 * Until the program calls `listen()` itself, a client that verifies its server sees us, who made the socket.
 * @throws PortcullisError `LISTEN_*`, `PROGRAM_UNTRUSTED`, `PROGRAM_FAILED`: nothing is left behind then
 */
export async function handOver(options: HandOverOptions): Promise<HandedOver> {
  const { command } = options;
  check(options);
  assertTrusted(SHELL);
  assertTrusted(command, { owners: rootAndUs() });
  const bound: BoundSocket[] = [];
  const release = (): void => { for (const socket of bound) socket.release(); };
  try {
    const child = start(options, bound);
    child.once('exit', release);
    await once(child, 'spawn').catch((cause: unknown) => {
      throw new PortcullisError('PROGRAM_FAILED', `cannot start \`${command}\``, { cause, facts: { path: command } });
    });
    return { child, sockets: bound.map(({ path, used, replacedStale }) => ({ path, used, replacedStale })) };
  } catch (error) {
    release();
    throw error;
  }
}

/** Fills `bound`, also where it throws. Our descriptors are closed in any case: since the fork, the child has its own. */
function start({ sockets, command, args = [], env, cwd, uid, gid, stdio = 'inherit', listenPort }: HandOverOptions, bound: BoundSocket[]): ChildProcess {
  try {
    for (const socket of sockets) bound.push(listenPort.bind(socket));
    return spawn(SHELL, ['-c', BECOME, command, ...args], {
      env: { ...env, LISTEN_FDS: String(bound.length), LISTEN_FDNAMES: sockets.map(({ name }) => name).join(':') },
      stdio: [stdio, stdio, stdio, ...bound.map(({ fd }) => fd)],
      ...(cwd === undefined ? {} : { cwd }), ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }),
    });
  } finally {
    for (const { fd } of bound) closeSync(fd);
  }
}

function check({ sockets, env = {}, uid, gid }: HandOverSettings): void {
  const names = sockets.map(({ name }) => name);
  if (names.length === 0) throw invalid('sockets', 'there is no socket to hand over');
  const badName = names.find((name) => !SOCKET_NAME.test(name));
  if (badName !== undefined) throw invalid('sockets', `\`${badName}\` cannot name a socket: up to 255 printable ASCII characters without a colon can`);
  if (new Set(names).size < names.length) throw invalid('sockets', 'two sockets have one name');
  if ((uid === undefined) !== (gid === undefined)) throw invalid('uid', 'a child is given a user and a group, or neither');
  const badVariable = Object.keys(env).find((name) => !VARIABLE.test(name));
  if (badVariable !== undefined) throw invalid('env', `no shell passes on a variable that is called \`${badVariable}\``);
}

function invalid(option: string, message: string): PortcullisError {
  return new PortcullisError('LISTEN_HAND_OVER', message, { facts: { option } });
}
