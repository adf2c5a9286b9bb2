import 'reflect-metadata';
import { CommanderError } from 'commander';
import { EXIT, report, say } from './exit.js';
import { makeProgram } from './program.js';
import { unwritten } from './unwritten.js';

// There is nobody left to be told.
process.stderr.on('error', () => undefined);

/** How long a reader may take for what is still under way. */
const LAST_WORDS_MS = 1_000;

async function main(): Promise<number> {
  let code: number = EXIT.ok;
  try {
    const args = process.argv.slice(2);
    const program = await makeProgram(args, (result) => { code = result; });
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return report(error);
  }
}

/** The exit code, once it is known whether the result got out. */
function codeAfter(asked: number): number {
  const { error } = unwritten;
  if (error === undefined) return asked;
  say(`portcullis: the result cannot be written: ${error.message}`);
  return asked === EXIT.ok ? EXIT.failed : asked;
}

/** Watches, timers and sockets that were let go must not keep the process. */
function end(asked: number): void {
  const code = codeAfter(asked);
  process.stderr.write('', () => process.exit(code));
}

const code = await main();
process.exitCode = code;
setTimeout(() => process.exit(code), LAST_WORDS_MS);
process.stdout.write('', () => setImmediate(end, code));
