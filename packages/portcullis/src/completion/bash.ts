import { flatten, type CommandShape } from './command-shape.js';

/** For bash 3.2 and newer. What is none of ours to complete is completed as a file. */
export function bashCompletion(program: CommandShape): string {
  const all = flatten(program);
  const deeper = all.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`).join('|');
  const values = all.flatMap((command) => command.options.filter(({ value }) => Array.isArray(value)).map(({ names, value }) => (
    `    ${names.map((name) => `'${command.path}:${name}'`).join('|')}) words='${(value as readonly string[]).join(' ')}' ;;`)));
  const free = all.flatMap((command) => command.options.filter(({ value }) => value === 'anything').flatMap(({ names }) => names.map((name) => `'${command.path}:${name}'`)));
  const options = all.map((command) => `    '${command.path}') words='${command.options.flatMap(({ names }) => names).join(' ')}' ;;`);
  const operands = all.filter(({ operand }) => operand !== 'anything').map(({ path, operand }) => `    '${path}') words='${(operand as readonly string[]).join(' ')}' ;;`);
  return `# bash completion of portcullis: source <(portcullis completion bash)
_portcullis() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command='' words='' next i
  # \`--format=json\` comes as three words
  if [[ $cur == '=' ]]; then cur=''; elif [[ $prev == '=' ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${command:+$command }\${COMP_WORDS[i]}"
    case $next in ${deeper}) command=$next ;; esac
  done
  COMPREPLY=()
  case "$command:$prev" in
${values.join('\n')}
    ${free.join('|')}) return ;;
    *)
      if [[ $cur == -* ]]; then
        case $command in
${options.map((line) => `    ${line}`).join('\n')}
        esac
      else
        case $command in
${operands.map((line) => `    ${line}`).join('\n')}
        esac
      fi ;;
  esac
  [[ -n $words ]] && COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o bashdefault -o default -F _portcullis portcullis
`;
}
