import { flatten, type CommandShape, type OptionShape, type Value } from './command-shape.js';

/** To be found by zsh's `compinit` as `_portcullis`, or to be sourced after it. */
export function zshCompletion(program: CommandShape): string {
  return `#compdef portcullis
# zsh completion of portcullis: portcullis completion zsh > "\${fpath[1]}/_portcullis"
${flatten(program).map(functionOf).join('\n')}
if [[ \${funcstack[1]} == _portcullis ]]; then _portcullis "$@"; else compdef _portcullis portcullis; fi
`;
}

function functionOf(command: CommandShape): string {
  const specs = command.options.flatMap(optionSpecs);
  if (command.commands.length === 0) {
    return `${nameOf(command.path)}() {\n  _arguments -s ${[...specs, `'*:argument:${actionOf(command.operand)}'`].join(' \\\n    ')}\n}`;
  }
  const names = command.commands.map(({ path, summary }) => `      '${quote(`${last(path)}:${summary}`)}'`).join('\n');
  const cases = command.commands.map(({ path }) => `        ${last(path)}) ${nameOf(path)} ;;`).join('\n');
  return `${nameOf(command.path)}() {
  local curcontext="$curcontext" state line
  local -a commands
  _arguments -C ${[...specs, "'1:command:->command'", "'*::argument:->argument'"].join(' \\\n    ')}
  case $state in
    command)
      commands=(
${names}
      )
      _describe command commands ;;
    argument)
      case \${line[1]} in
${cases}
      esac ;;
  esac
}`;
}

/** May be given again: zsh is not told which may not. */
function optionSpecs({ names, summary, value }: OptionShape): readonly string[] {
  const text = quote(summary.replace(/[[\]\\]/g, '\\$&'));
  return names.map((name) => `'*${name}${value === undefined ? '' : name.startsWith('--') ? '=' : '+'}[${text}]${value === undefined ? '' : `:value:${actionOf(value)}`}'`);
}

function actionOf(value: Value): string {
  return value === 'anything' ? '_files' : `(${value.join(' ')})`;
}

function nameOf(path: string): string {
  return ['_portcullis', ...path.split(' ').filter((word) => word !== '')].join('_');
}

function last(path: string): string {
  return path.split(' ').at(-1) ?? '';
}

function quote(text: string): string {
  return text.replaceAll("'", "'\\''");
}
