import { execFile } from 'node:child_process';
import { lstatSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { PortcullisError } from './errors.js';

export interface TrustedRun {
  /** The exit code; undefined when a signal or the timeout ended it. */
  readonly code: number | undefined;
  readonly stdout: string;
}

const WRITABLE_BY_OTHERS = 0o022;

/**
 * Runs another program by absolute path, with an emptied environment, bounded output and time, and no shell (I9, T19). The
 * file and every folder above it must belong to root and be writable by nobody else.
 * @throws PortcullisError `PROGRAM_UNTRUSTED`; `PROGRAM_FAILED` when it cannot be run, runs too long or says too much.
 */
export function runTrusted(path: string, args: readonly string[], limits: { readonly timeoutMs: number; readonly mostBytes: number }): Promise<TrustedRun> {
  assertTrusted(path);
  return new Promise((resolve, reject) => {
    const options = { env: {}, shell: false, timeout: limits.timeoutMs, killSignal: 'SIGKILL', maxBuffer: limits.mostBytes, cwd: '/', encoding: 'utf8' } as const;
    execFile(path, args, options, (error, stdout) => {
      if (error === null) resolve({ code: 0, stdout });
      else if (typeof error.code === 'number' && !error.killed) resolve({ code: error.code, stdout });
      else reject(new PortcullisError('PROGRAM_FAILED', `\`${path}\` failed`, { cause: error, facts: { path } }));
    });
  });
}

/** Whether root alone can change what `path` leads to: the file, every folder above it, and every link on the way. */
export function isRootsAlone(path: string): boolean {
  try {
    assertTrusted(path);
    return true;
  } catch {
    return false;
  }
}

const MOST_LINKS = 40;

const ROOT = 0;
const ROOT_ALONE: ReadonlySet<number> = new Set([ROOT]);
const STICKY = 0o1000;

export interface TrustOptions {
  /** Who may change a step of the way. Root alone, unless told. */
  readonly owners?: ReadonlySet<number>;
  /**
   * Whether a sticky folder of root's, such as /tmp, may be above: what an owner has there nobody else can rename or remove.
   * Links in it are refused, since somebody may have hard-linked another one of the owner's there.
   */
  readonly belowSticky?: boolean;
}

/** Root, and the user of this process: who owns what this process may be made of. */
export function rootAndUs(): ReadonlySet<number> {
  return new Set([ROOT, process.geteuid?.() ?? ROOT]);
}

/**
 * Every step of the way, links and what they lead to included: whoever can change one of them chooses what runs.
 * @throws PortcullisError `PROGRAM_UNTRUSTED` where somebody beside `owners` can; `PROGRAM_FAILED` where there is nothing.
 */
export function assertTrusted(path: string, { owners = ROOT_ALONE, belowSticky = false }: TrustOptions = {}): void {
  if (!path.startsWith('/')) throw new PortcullisError('PROGRAM_UNTRUSTED', `\`${path}\` is not an absolute path`, { facts: { path } });
  let rest = path.split('/');
  let at = '/';
  let links = 0;
  const top = isLoose(assertOwned('/', path, owners, belowSticky));
  let loose = top;
  while (rest.length > 0) {
    const [name = '', ...after] = rest;
    rest = after;
    const step = resolve(at, name);
    if (step === at) continue;
    const found = assertOwned(step, path, owners, belowSticky && rest.length > 0);
    if (!found.link) {
      at = step;
      loose = isLoose(found);
      continue;
    }
    if (loose) throw untrusted(step, path, owners, found);
    if ((links += 1) > MOST_LINKS) throw new PortcullisError('PROGRAM_FAILED', `too many links on the way to \`${path}\``, { facts: { path } });
    const target = readlinkSync(step);
    rest = [...target.split('/'), ...rest];
    if (!target.startsWith('/')) continue;
    at = '/';
    loose = top;
  }
}

interface Step {
  readonly uid: number;
  readonly mode: number;
  readonly link: boolean;
}

/** A folder where others may take names that are free. */
function isLoose({ mode, link }: Step): boolean {
  return !link && (mode & WRITABLE_BY_OTHERS) !== 0;
}

/** @throws PortcullisError where anybody beside the owners could change `step`, or what is in it. */
function assertOwned(step: string, path: string, owners: ReadonlySet<number>, mayBeSticky: boolean): Step {
  const found = look(step, path);
  const { uid, mode, link } = found;
  // The mode of a link means nothing: who may change it is a matter of its folder.
  if (owners.has(uid) && (link || (mode & WRITABLE_BY_OTHERS) === 0)) return found;
  if (mayBeSticky && uid === ROOT && (mode & STICKY) !== 0) return found;
  throw untrusted(step, path, owners, found);
}

function untrusted(step: string, path: string, owners: ReadonlySet<number>, { uid, mode }: Step): PortcullisError {
  return new PortcullisError('PROGRAM_UNTRUSTED', `\`${step}\` may be changed by someone other than ${owners.size === 1 && owners.has(ROOT) ? 'root' : 'root and us'}`, { facts: { path, step, uid, mode: mode.toString(8) } });
}

function look(step: string, path: string): Step {
  try {
    const stat = lstatSync(step);
    return { uid: stat.uid, mode: stat.mode, link: stat.isSymbolicLink() };
  } catch (cause) {
    throw new PortcullisError('PROGRAM_FAILED', `cannot look at \`${step}\``, { cause, facts: { path } });
  }
}
