import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const BIN = fileURLToPath(new URL('../../../bin/portcullis.js', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs a program to its end. */
export function run(program: string, args: readonly string[], { input, env, cwd }: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, ...(cwd === undefined ? {} : { cwd }), stdio: 'pipe' });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text; });
    child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text; });
    child.on('error', reject).on('close', (code) => { resolve({ code, stdout, stderr }); });
    child.stdin.on('error', () => undefined).end(input);
  });
}

/** Runs the built command. */
export function portcullis(args: readonly string[], options?: RunOptions): Promise<Ran> {
  return run(process.execPath, [BIN, ...args], options);
}

/** Runs a program as another user: root only. */
export function asUser(uid: number, program: string, args: readonly string[], options?: RunOptions): Promise<Ran> {
  return run('/usr/bin/setpriv', ['--reuid', String(uid), '--regid', String(uid), '--clear-groups', program, ...args], options);
}
