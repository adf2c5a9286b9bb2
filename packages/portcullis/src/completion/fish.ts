import { flatten, type CommandShape, type OptionShape, type Value } from './command-shape.js';

export function fishCompletion(program: CommandShape): string {
  return `# fish completion of portcullis: portcullis completion fish > ~/.config/fish/completions/portcullis.fish
${flatten(program).flatMap(linesOf).join('\n')}
`;
}

function linesOf(command: CommandShape): readonly string[] {
  const here = conditionOf(command);
  const commands = command.commands.map(({ path, summary }) => line(here, `-f -a ${path.split(' ').at(-1) ?? ''} -d ${quote(summary)}`));
  const operand = commands.length === 0 && command.operand !== 'anything' ? [line(here, `-f -a ${quote(command.operand.join(' '))}`)] : [];
  return [...commands, ...operand, ...command.options.map((option) => line(here, optionOf(option)))];
}

/** Where a command's own words are completed: behind its last word, and none of its commands'. */
function conditionOf({ path, commands }: CommandShape): string {
  const words = path.split(' ').filter((word) => word !== '');
  const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`);
  const deeper = commands.map((one) => one.path.split(' ').at(-1) ?? '').join(' ');
  return [...seen, ...(deeper === '' ? [] : [`not __fish_seen_subcommand_from ${deeper}`])].join('; and ');
}

function line(condition: string, rest: string): string {
  return `complete -c portcullis${condition === '' ? '' : ` -n ${quote(condition)}`} ${rest}`;
}

function optionOf({ names, summary, value }: OptionShape): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  return `${flags.join(' ')}${valueOf(value)} -d ${quote(summary)}`;
}

function valueOf(value: Value | undefined): string {
  if (value === undefined) return '';
  return value === 'anything' ? ' -r -F' : ` -x -a ${quote(value.join(' '))}`;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
