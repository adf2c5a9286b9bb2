import { InvalidArgumentError } from 'commander';

/** The examples below a command's help: what for, then the command. */
export function examples(...list: readonly (readonly [what: string, command: string])[]): string {
  return `\nExamples:\n${list.map(([what, command]) => `  # ${what}\n  $ ${command}\n`).join('\n')}`;
}

/** Accepts one of a few words, which completion asks for as `words`. */
export function oneOf(...words: readonly string[]): ((text: string) => string) & { readonly words: readonly string[] } {
  const parse = (text: string): string => {
    if (words.includes(text)) return text;
    throw new InvalidArgumentError(`Use one of: ${words.join(', ')}.`);
  };
  return Object.assign(parse, { words });
}
