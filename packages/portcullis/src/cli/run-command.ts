import 'reflect-metadata';
import { CommanderError } from 'commander';
import { EXIT, report } from './exit.js';
import { makeProgram } from './program.js';

/** Does what the arguments ask for, and says on stderr why where it cannot; the exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  let code: number = EXIT.ok;
  try {
    const program = await makeProgram(args, (result) => { code = result; });
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return report(error);
  }
}
