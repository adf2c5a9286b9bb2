import type { Command } from 'commander';
import { bashCompletion } from '../../completion/bash.js';
import { shapeOf } from '../../completion/command-shape.js';
import { fishCompletion } from '../../completion/fish.js';
import { zshCompletion } from '../../completion/zsh.js';
import { EXIT, print } from '../exit.js';
import { examples, oneOf } from '../help.js';
import { makeProgram } from '../program.js';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** `portcullis completion`: what a shell completes. Nothing of portcullis runs while somebody presses the key. */
export function addCompletion(program: Command, done: (code: number) => void): void {
  program.command('completion')
    .summary('print what completes commands, options and files in a shell')
    .description('Prints a script for bash, zsh or fish that completes commands, options, their values, and files. Print it again after an update. Exits 0, or 2 when it was called wrongly.')
    .argument('<shell>', 'bash, zsh or fish', oneOf(...Object.keys(SHELLS)))
    .addHelpText('after', examples(
      ['bash, for everyone', 'portcullis completion bash > /etc/bash_completion.d/portcullis'],
      ['bash, in ~/.bashrc', 'source <(portcullis completion bash)'],
      ['zsh', 'portcullis completion zsh > "${fpath[1]}/_portcullis"'],
      ['fish', 'portcullis completion fish > ~/.config/fish/completions/portcullis.fish'],
    ))
    .action(async (shell: keyof typeof SHELLS) => {
      print(SHELLS[shell](shapeOf(await makeProgram([], () => undefined))).trimEnd());
      done(EXIT.ok);
    });
}
