import { EXIT, say } from './exit.js';
import { runCommand } from './run-command.js';
import { unwritten } from './unwritten.js';

// There is nobody left to be told.
process.stderr.on('error', () => undefined);

/** How long a reader may take for what is still under way. */
const LAST_WORDS_MS = 1_000;

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

const code = await runCommand(process.argv.slice(2));
process.exitCode = code;
setTimeout(() => process.exit(code), LAST_WORDS_MS);
process.stdout.write('', () => setImmediate(end, code));
