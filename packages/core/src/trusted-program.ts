import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
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

function assertTrusted(path: string): void {
  if (!path.startsWith('/')) throw new PortcullisError('PROGRAM_UNTRUSTED', `\`${path}\` is not an absolute path`, { facts: { path } });
  for (let step = path; ; step = dirname(step)) {
    const { uid, mode } = statOf(step, path);
    if (uid !== 0 || (mode & WRITABLE_BY_OTHERS) !== 0) {
      throw new PortcullisError('PROGRAM_UNTRUSTED', `\`${step}\` may be changed by someone other than root`, { facts: { path, step, uid, mode: mode.toString(8) } });
    }
    if (step === '/') return;
  }
}

function statOf(step: string, path: string): { readonly uid: number; readonly mode: number } {
  try {
    return statSync(step);
  } catch (cause) {
    throw new PortcullisError('PROGRAM_FAILED', `cannot look at \`${step}\``, { cause, facts: { path } });
  }
}
