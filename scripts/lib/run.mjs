// Running another program, with its output kept until somebody wants it.
import { spawn } from 'node:child_process';
import { ROOT } from './workspaces.mjs';

/** A step that did not hold; `output` is what the reader needs to mend it. */
export class Failure extends Error {
  constructor(message, output = '') {
    super(message);
    this.output = output;
  }
}

/** A step that could not be tried here, and why: printed, and never counted as passed. */
export class Skip extends Error {}

/** Runs to the end without stdin. Resolves with exit code and output; rejects only when it cannot be started. */
export function execute(command, args, { cwd = ROOT, env = process.env, show = false, timeoutMs = 600_000 } = {}) {
  return new Promise((resolve, reject) => {
    const stdio = ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'];
    const child = spawn(command, args, { cwd, env, stdio, timeout: timeoutMs, killSignal: 'SIGKILL' });
    let stdout = '';
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      output += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => (output += text));
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, output }));
  });
}

/** Like `execute`, where anything but exit code 0 is a failure. */
export async function must(command, args, options) {
  const result = await execute(command, args, options);
  if (result.code === 0) return result;
  const ended = result.signal === null ? `exit code ${result.code}` : `signal ${result.signal}`;
  throw new Failure(`${[command, ...args].join(' ')}: ${ended}`, result.output);
}
