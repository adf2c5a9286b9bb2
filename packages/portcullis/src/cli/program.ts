import { Command } from 'commander';
import { examples } from './help.js';
import { version } from './version.js';

type Add = (program: Command, done: (code: number) => void) => void;

/** Each command by its name: loaded when it is asked for, since most of the time that a short command takes is loading. */
const COMMANDS: Readonly<Record<string, () => Promise<Add>>> = {
  serve: async () => (await import('./commands/serve.js')).addServe,
  inspect: async () => (await import('./commands/inspect.js')).addInspect,
  check: async () => (await import('./commands/check.js')).addCheck,
  test: async () => (await import('./commands/test.js')).addTest,
  explain: async () => (await import('./commands/explain.js')).addExplain,
  diff: async () => (await import('./commands/diff.js')).addDiff,
  replay: async () => (await import('./commands/replay.js')).addReplay,
  learn: async () => (await import('./commands/learn.js')).addLearn,
  suggest: async () => (await import('./commands/suggest.js')).addSuggest,
  init: async () => (await import('./commands/init.js')).addInit,
  schema: async () => (await import('./commands/schema.js')).addSchema,
  fmt: async () => (await import('./commands/fmt.js')).addFmt,
  compile: async () => (await import('./commands/compile.js')).addCompile,
  import: async () => (await import('./commands/import.js')).addImport,
  doctor: async () => (await import('./commands/doctor.js')).addDoctor,
  completion: async () => (await import('./commands/completion.js')).addCompletion,
};

/** The command as far as `args` ask for it: one of its commands, or all. `done` is told the exit code of the command that ran. */
export async function makeProgram(args: readonly string[], done: (code: number) => void): Promise<Command> {
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
  const asked = args[0] !== undefined && Object.hasOwn(COMMANDS, args[0]) ? [args[0]] : Object.keys(COMMANDS);
  for (const name of asked) (await COMMANDS[name]?.())?.(program, done);
  return program;
}
