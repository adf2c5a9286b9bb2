import { spawnSync } from 'node:child_process';

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const LIMIT_MS = 300_000;

export interface RunOptions {
  readonly cwd?: string;
  /** Standard input, for a program that reads it. */
  readonly input?: Buffer;
}

/** Runs a program of the system by absolute path (I9), to its end; its standard output. Throws with what it said otherwise. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Buffer {
  const { stdout, stderr, status, signal, error } = spawnSync(program, args, {
    ...options, env: { ...proxies(), PATH, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 1 << 28, timeout: LIMIT_MS,
  });
  if (error !== undefined) throw new Error(`cannot run \`${program}\``, { cause: error });
  if (status === 0) return stdout;
  throw new Error(`\`${[program, ...args].join(' ')}\`: ${signal ?? `exit code ${String(status)}`}\n${stderr.toString()}`);
}

/** Standard output as lines, without empty ones. */
export function lines(output: Buffer): readonly string[] {
  return output.toString().split('\n').filter((line) => line !== '');
}

/** How downloads get out of here is the environment's business, and all of it that they see. */
function proxies(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => /^(https?|no)_proxy$/i.test(name)));
}
