import { spawn } from 'node:child_process';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../../dist/cli/run-command.js';

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

/** Runs the built command as its users do. Each of its commands is run so somewhere; loading it takes half a second. */
export function portcullisProcess(args: readonly string[], options?: RunOptions): Promise<Ran> {
  return run(process.execPath, [BIN, ...args], options);
}

let last: Promise<unknown> = Promise.resolve();

/** What the built command does, in this process: one after the other, since they have its streams, folder and environment. */
export function portcullis(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  if (args[0] === 'serve' && args[1] !== '--help') throw new Error('`serve` listens to signals for as long as it lives: it needs a process of its own');
  const ran = last.then(() => runHere(args, options));
  last = ran.catch(() => undefined);
  return ran;
}

async function runHere(args: readonly string[], { input, env, cwd }: RunOptions): Promise<Ran> {
  const [stdout, stderr] = [new Said(), new Said()];
  const before = { folder: process.cwd(), environment: { ...process.env }, streams: Object.getOwnPropertyDescriptors(process) };
  const streams = { stdin: Readable.from(input === undefined ? [] : [Buffer.from(input)]), stdout, stderr };
  try {
    for (const [name, value] of Object.entries(streams)) Object.defineProperty(process, name, { value, configurable: true, enumerable: true });
    if (cwd !== undefined) process.chdir(cwd);
    Object.assign(process.env, env);
    const code = await runCommand(args);
    return { code, stdout: stdout.text, stderr: stderr.text };
  } finally {
    for (const name of ['stdin', 'stdout', 'stderr'] as const) Object.defineProperty(process, name, before.streams[name]);
    process.chdir(before.folder);
    for (const name of Object.keys(env ?? {})) {
      const value = before.environment[name];
      if (value === undefined) delete process.env[name]; // eslint-disable-line @typescript-eslint/no-dynamic-delete
      else process.env[name] = value;
    }
  }
}

/** A stream that keeps what is written to it. */
class Said extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** Runs a program as another user: root only. */
export function asUser(uid: number, program: string, args: readonly string[], options?: RunOptions): Promise<Ran> {
  return run('/usr/bin/setpriv', ['--reuid', String(uid), '--regid', String(uid), '--clear-groups', program, ...args], options);
}
