// Running another program, with its output kept until somebody wants it.
import { spawn } from 'node:child_process';
import { basename } from 'node:path';
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
    const output = show ? 'inherit' : 'pipe';
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', output, output] });
    const said = { stdout: '', output: '' };
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      said.stdout += text;
      said.output += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => (said.output += text));
    // not spawn's own timeout: its timer outlives a program that could not be started
    const timer = setTimeout(() => {
      said.output += `\nkilled after ${timeoutMs / 1_000} s\n`;
      child.kill('SIGKILL');
      // a grandchild may hold the pipes open
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, ...said });
    });
  });
}

/** Like `execute`, where anything but exit code 0 is a failure. */
export async function must(command, args, options) {
  const result = await execute(command, args, options);
  if (result.code === 0) return result;
  const ended = result.signal === null ? `exit code ${result.code}` : `signal ${result.signal}`;
  const said = `${[command, ...args].join(' ')}\n${result.output}`;
  throw new Failure(`${basename(command)}: ${ended}`, said);
}
