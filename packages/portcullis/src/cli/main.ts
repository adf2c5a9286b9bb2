import 'reflect-metadata';
import { CommanderError } from 'commander';
import { EXIT, report } from './exit.js';
import { makeProgram } from './program.js';

// A reader that went away is not an error of ours; `serve` watches stdout itself.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

/** How long a reader may take for what is still under way. */
const LAST_WORDS_MS = 1_000;

async function main(): Promise<number> {
  let code: number = EXIT.ok;
  try {
    await makeProgram((result) => { code = result; }).parseAsync();
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return report(error);
  }
}

// Watches, timers and sockets that were let go must not keep the process.
const code = await main();
process.exitCode = code;
setTimeout(() => process.exit(code), LAST_WORDS_MS);
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
