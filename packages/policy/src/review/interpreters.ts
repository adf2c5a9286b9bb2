import type { Literal } from '../compile/literal.js';

/** Programs that run what they are given: shells, languages, loaders and those that start another program (T12). */
const NAMES = new Set([
  'sh', 'bash', 'dash', 'ash', 'zsh', 'ksh', 'mksh', 'fish', 'csh', 'tcsh', 'busybox', 'toybox', 'pwsh',
  'python', 'pypy', 'node', 'nodejs', 'deno', 'bun', 'perl', 'ruby', 'php', 'java', 'lua', 'luajit', 'tclsh', 'wish', 'guile', 'Rscript', 'R',
  'erl', 'beam.smp', 'elixir', 'ghci', 'dotnet', 'mono', 'awk', 'gawk', 'mawk', 'nawk', 'sed', 'gdb', 'expect', 'octave', 'julia', 'qjs', 'd8', 'wine', 'wine64', 'osascript',
  'env', 'qemu-system-x86_64', 'qemu-x86_64', 'qemu-aarch64',
]);

/** `python3.12`, `php8.2`, `ruby3.1`, `node-20`: the name before its version. */
const VERSION = /[-.]?[0-9]+(?:\.[0-9]+)*$/;
const LOADER = /^ld(?:-linux|-musl|64|-)?[A-Za-z0-9_.-]*\.so(?:\.[0-9]+)*$/;

/** The paths of known interpreters that literals name, in so many words or by the last name of a pattern. */
export function interpretersOf(literals: readonly Literal[]): readonly string[] {
  return literals.flatMap(({ key, matcher, negated }) => {
    if (negated || key !== 'unix:path') return [];
    if (matcher.op === 'exact') return [...matcher.values].map(String).filter(isInterpreter);
    return matcher.op === 'glob' && isInterpreter(matcher.glob.pattern) ? [matcher.glob.pattern] : [];
  });
}

function isInterpreter(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/\*+$/, '');
  return NAMES.has(name) || NAMES.has(name.replace(VERSION, '')) || LOADER.test(name);
}
