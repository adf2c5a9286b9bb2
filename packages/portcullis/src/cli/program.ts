import { Command } from 'commander';
import { addCheck } from './commands/check.js';
import { addCompile } from './commands/compile.js';
import { addDiff } from './commands/diff.js';
import { addDoctor } from './commands/doctor.js';
import { addExplain } from './commands/explain.js';
import { addFmt } from './commands/fmt.js';
import { addImport } from './commands/import.js';
import { addInspect } from './commands/inspect.js';
import { addLearn } from './commands/learn.js';
import { addReplay } from './commands/replay.js';
import { addServe } from './commands/serve.js';
import { addSuggest } from './commands/suggest.js';
import { addTest } from './commands/test.js';
import { examples } from './help.js';
import { version } from './version.js';

/** The whole command. `done` is told the exit code of the command that ran. */
export function makeProgram(done: (code: number) => void): Command {
  const program = new Command('portcullis')
    .description('Attests the process behind a local connection, and lets a policy decide before its first byte.')
    .version(version(), '-V, --version', 'print the version')
    .showSuggestionAfterError()
    .showHelpAfterError('(add --help for usage and examples)')
    .exitOverride()
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .addHelpText('after', examples(
      ['stand before a service', 'portcullis serve --policy policy.yaml --listen unix:/run/app/gate.sock --upstream unix:/run/app/app.sock'],
      ['is this policy sound?', 'portcullis check policy.yaml'],
      ['does it decide as its tests say?', 'portcullis test policy.test.yaml'],
      ['what does a process look like to a policy?', 'portcullis inspect --pid 4711'],
      ['what can this host attest?', 'portcullis doctor'],
    ));
  for (const add of [addServe, addInspect, addCheck, addTest, addExplain, addDiff, addReplay, addLearn, addSuggest, addFmt, addCompile, addImport, addDoctor]) add(program, done);
  return program;
}
