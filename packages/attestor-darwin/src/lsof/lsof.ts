import { PortcullisError, runTrusted, unknown, type Finding, type Pid, type TrustedRun, type Unknown } from '@portcullis/core';
import { decodePath } from '../decode.js';
import type { DarwinPeer } from '../peer.js';
import { parseRecords } from './parse-records.js';

export interface LsofOptions {
  /** Absolute (I9). Default `/usr/sbin/lsof`, where macOS has it. */
  readonly path?: string;
  /** How many run at once; the answer for a further one is unknown, `limit` (T20). Default 4. */
  readonly mostRunning?: number;
  readonly timeoutMs?: number;
}

const PATH = '/usr/sbin/lsof';
/** A process maps hundreds of libraries, each with two lines. */
const MOST_BYTES = 1 << 20;
/** What lsof appends to a name that it has something to say about: ` (deleted)`, ` (stat: Permission denied)`. */
const REMARK = / \([^()]*\)$/;

/**
 * lsof(8), run as any other program here: by its absolute path, when it is root's and nobody else can change it, with
 * nothing in its environment (T19). Its answer is about whatever has the pid at that moment: tier `heuristic`, and the
 * token is compared afterwards as always.
 */
export class Lsof {
  readonly #path: string;
  readonly #mostRunning: number;
  readonly #timeoutMs: number;
  /** By pid and pid version: connections of one process share a run. */
  readonly #running = new Map<string, Promise<Finding>>();

  constructor(options: LsofOptions = {}) {
    this.#path = options.path ?? PATH;
    this.#mostRunning = options.mostRunning ?? 4;
    this.#timeoutMs = options.timeoutMs ?? 5000;
  }

  /** The executable of the pinned peer. Never rejects. */
  executable(peer: DarwinPeer): Promise<Finding> {
    const pin = peer.held();
    if ('state' in pin) return Promise.resolve(pin);
    const { pid, pidVersion } = pin.fields;
    const key = `${String(pid)}:${String(pidVersion)}`;
    const joined = this.#running.get(key);
    if (joined !== undefined) return joined;
    if (this.#running.size >= this.#mostRunning) return Promise.resolve(unknown('limit', `lsof runs ${String(this.#running.size)} times already`));
    const run = this.executableOf(pid).finally(() => this.#running.delete(key));
    this.#running.set(key, run);
    return run;
  }

  /** `lsof -nP -a -p PID -d txt -F fn`: the first file is the executable, later ones are libraries. Never rejects. */
  async executableOf(pid: Pid): Promise<Finding> {
    try {
      return interpret(await runTrusted(this.#path, ['-nP', '-a', '-p', String(pid), '-d', 'txt', '-F', 'fn'], { timeoutMs: this.#timeoutMs, mostBytes: MOST_BYTES }), pid);
    } catch (error) {
      return notRun(error);
    }
  }
}

/** What a run that ended by itself says. lsof(8): 1 when something asked for was not found. */
function interpret({ code, stdout }: TrustedRun, pid: Pid): Finding {
  if (code !== 0) return code === 1 && stdout === '' ? unknown('permission', `lsof shows nothing of process ${String(pid)}`) : unknown('system-error', `lsof ended with ${String(code)}`);
  const found = parseRecords(stdout);
  const [executable] = found?.files ?? [];
  if (found?.pid !== pid || executable?.descriptor !== 'txt') return unknown('undecodable', 'the records of lsof have another form');
  const path = decodePath(executable.name);
  if (path === undefined || REMARK.test(path)) return unknown('undecodable', 'lsof names no path, or one with a remark');
  return { state: 'present', values: [path], tier: 'heuristic' };
}

/** Why there is no answer: not there, not trusted, killed for its time or its length, or could not be started. */
function notRun(error: unknown): Unknown {
  if (!(error instanceof PortcullisError)) return unknown('system-error', String(error));
  const cause: unknown = error.cause;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return unknown('limit', 'lsof said too much');
  if (cause instanceof Error && 'killed' in cause && cause.killed === true) return unknown('timeout', 'lsof ran too long');
  if (code === 'EAGAIN' || code === 'EMFILE' || code === 'ENFILE') return unknown('limit', `lsof could not be started: ${code}`);
  return unknown('service-down', error.message);
}
