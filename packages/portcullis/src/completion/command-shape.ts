import type { Argument, Command, Option } from 'commander';

/** What stands behind an option or as an argument: one of a few words, or anything, which a shell completes as a file. */
export type Value = readonly string[] | 'anything';

export interface OptionShape {
  /** `-o`, `--output`. */
  readonly names: readonly string[];
  readonly summary: string;
  /** Undefined of an option that takes none. */
  readonly value?: Value;
}

/** A command as a shell completes it. */
export interface CommandShape {
  /** From the first word on: `import spire`. Empty for the program itself. */
  readonly path: string;
  readonly summary: string;
  readonly options: readonly OptionShape[];
  /** What stands behind it: its commands, the words of its argument, or anything. */
  readonly operand: Value;
  readonly commands: readonly CommandShape[];
}

/** What parses the text of an option or argument, where it takes a few words only: `oneOf`. */
interface Choosing {
  readonly words?: readonly string[];
}

export function shapeOf(command: Command, above: readonly string[] = []): CommandShape {
  const visible = command.createHelp();
  const commands = visible.visibleCommands(command).filter((one) => one.name() !== 'help').map((one) => shapeOf(one, [...above, one.name()]));
  return {
    path: above.join(' '),
    summary: command.summary(),
    options: visible.visibleOptions(command).map(optionShape),
    operand: commands.length > 0 ? commands.map(({ path }) => path.split(' ').at(-1) ?? '') : wordsOf(command.registeredArguments[0]),
    commands,
  };
}

/** All of them, the program first. */
export function flatten(shape: CommandShape): readonly CommandShape[] {
  return [shape, ...shape.commands.flatMap(flatten)];
}

function optionShape(option: Option): OptionShape {
  const names = [option.short, option.long].filter((name) => name !== undefined);
  return { names, summary: option.description, ...((option.required || option.optional) && { value: wordsOf(option) }) };
}

function wordsOf(of: Argument | Option | undefined): Value {
  return of?.argChoices ?? (of?.parseArg as Choosing | undefined)?.words ?? 'anything';
}
