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

const ROOT_ALONE: ReadonlySet<number> = new Set([0]);

/**
 * Every step of the way, links and what they lead to included: whoever can change one of them chooses what runs.
 * @throws PortcullisError `PROGRAM_UNTRUSTED` where somebody beside `owners` can; `PROGRAM_FAILED` where there is nothing.
 */
export function assertTrusted(path: string, owners = ROOT_ALONE): void {
  if (!path.startsWith('/')) throw new PortcullisError('PROGRAM_UNTRUSTED', `\`${path}\` is not an absolute path`, { facts: { path } });
  let rest = path.split('/');
  let at = '/';
  let links = 0;
  assertOwned('/', path, owners);
  while (rest.length > 0) {
    const [name = '', ...after] = rest;
    rest = after;
    const step = resolve(at, name);
    if (step === at || !assertOwned(step, path, owners)) {
      at = step;
      continue;
    }
    if ((links += 1) > MOST_LINKS) throw new PortcullisError('PROGRAM_FAILED', `too many links on the way to \`${path}\``, { facts: { path } });
    const target = readlinkSync(step);
    rest = [...target.split('/'), ...rest];
    if (target.startsWith('/')) at = '/';
  }
}

/** Whether `step` is a link. @throws PortcullisError where anybody beside the owners could change it. */
function assertOwned(step: string, path: string, owners: ReadonlySet<number>): boolean {
  const { uid, mode, link } = look(step, path);
  // The mode of a link means nothing: who may change it is a matter of its folder.
  if (owners.has(uid) && (link || (mode & WRITABLE_BY_OTHERS) === 0)) return link;
  throw new PortcullisError('PROGRAM_UNTRUSTED', `\`${step}\` may be changed by someone other than ${owners.size === 1 ? 'root' : 'root and us'}`, { facts: { path, step, uid, mode: mode.toString(8) } });
}

function look(step: string, path: string): { readonly uid: number; readonly mode: number; readonly link: boolean } {
  try {
    const stat = lstatSync(step);
    return { uid: stat.uid, mode: stat.mode, link: stat.isSymbolicLink() };
  } catch (cause) {
    throw new PortcullisError('PROGRAM_FAILED', `cannot look at \`${step}\``, { cause, facts: { path } });
  }
}
