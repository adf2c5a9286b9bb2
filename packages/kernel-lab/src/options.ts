import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError } from './failure.js';
import { WHO, type Who } from './job.js';
import { SERIES, type Module, type Series } from './series.js';

export const USAGE = `npm run test:kernels [-- OPTION…]

Boots Debian's kernels in emulated machines, looks at the features of docs/kernel-features.md there, as root and as a user,
runs the tests of the Linux attestor, and compares what was seen with what is declared (packages/kernel-lab/src/features.ts).
Kernels are downloaded from the mirror that apt is configured with, and never installed.

  --only NAMES     these kernels only, with commas: ${SERIES.map(({ name }) => name).join(', ')}
  --module NAMES   with these security modules only: apparmor, selinux
  --features       look at the features and leave the tests out
  --tests NAMES    only these files and folders of the tests, with commas: probes,attacks/exec
  --who NAMES      the tests as these only: root, user
  --own-clock      each guest has a clock that counts its instructions: on a busy machine it takes longer, and nothing in it is late
  --write          write what was seen into docs/kernel-features.md; needs all kernels and modules
  --cache FOLDER   where packages are kept; by default $XDG_CACHE_HOME/portcullis-kernels or a folder of the temporary one
  --limit SECONDS  how long one guest may take; by default 10800, and 300 without tests
  --help           this text

A guest looks at the features in about a minute, and runs the tests in half an hour to an hour, one after the other: four hours for all, less
where two commands have some kernels each. Each part is told when it is done. Ctrl-C stops it, and the guest with it.

Exit codes: 0 all as declared; 1 something differs, or a test failed; 2 wrong options; 3 it cannot run here, and why is printed (1 where
PORTCULLIS_EXPECT names \`kernels\`); 130 stopped by Ctrl-C.
`;

export interface Options {
  readonly series: readonly Series[];
  readonly suite: boolean;
  /** Below `dist-test` of the Linux attestor; all where none are named. */
  readonly tests: readonly string[];
  /** As whom the tests run. */
  readonly who: readonly Who[];
  readonly ownClock: boolean;
  readonly write: boolean;
  readonly cache: string;
  readonly limitMs: number;
}

const MODULES: readonly Module[] = ['apparmor', 'selinux'];

/** What the command line asks for; `help` for `--help`. @throws UsageError */
export function parseOptions(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Options | 'help' {
  const values = parsed(args);
  if (values.help === true) return 'help';
  const names = choice(values.only, SERIES.map(({ name }) => name), '--only');
  const modules = choice(values.module, MODULES, '--module');
  const series = SERIES.filter(({ name }) => names.includes(name))
    .map((entry) => ({ ...entry, modules: entry.modules.filter((module) => modules.includes(module)) }))
    .filter((entry) => entry.modules.length > 0);
  if (series.length === 0) throw new UsageError('none of these kernels is booted with that module');
  const write = values.write === true;
  if (write && (values.only !== undefined || values.module !== undefined)) throw new UsageError('--write needs all that there is to see: no --only, no --module');
  const limitMs = Number(values.limit ?? (values.features === true ? '300' : '10800')) * 1000;
  if (!Number.isSafeInteger(limitMs) || limitMs <= 0) throw new UsageError('--limit takes a number of seconds');
  return { series, suite: values.features !== true, tests: testNames(values.tests), who: choice(values.who, WHO, '--who'), ownClock: values['own-clock'] === true, write, cache: values.cache ?? defaultCache(env), limitMs };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args], strict: true, allowPositionals: false,
      options: {
        only: { type: 'string' }, module: { type: 'string' }, features: { type: 'boolean' }, 'own-clock': { type: 'boolean' }, tests: { type: 'string' }, who: { type: 'string' }, write: { type: 'boolean' },
        cache: { type: 'string' }, limit: { type: 'string' }, help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Some of `all`, in its order; all of it where nothing is said. */
function choice<Name extends string>(text: string | undefined, all: readonly Name[], option: string): readonly Name[] {
  if (text === undefined) return all;
  const names = text.split(',').map((name) => name.trim());
  const strange = names.find((name) => !(all as readonly string[]).includes(name));
  if (strange !== undefined) throw new UsageError(`${option} knows ${all.join(', ')}, and not \`${strange}\``);
  return all.filter((name) => names.includes(name));
}

/** Names of files and folders, which end up in a pattern. */
function testNames(text: string | undefined): readonly string[] {
  const names = text?.split(',').map((name) => name.trim()) ?? [];
  const strange = names.find((name) => !/^[a-z][a-z-]*(\/[a-z][a-z-]*)?$/.test(name));
  if (strange !== undefined) throw new UsageError(`--tests takes names such as \`probes\` or \`attacks/exec\`, and not \`${strange}\``);
  return names;
}

/** A user's own: a folder of the temporary one that another user made first would be theirs to fill. */
function defaultCache(env: NodeJS.ProcessEnv): string {
  const { XDG_CACHE_HOME: cache } = env;
  return cache === undefined || cache === '' ? join(tmpdir(), `portcullis-kernels-${String(userInfo().uid)}`) : join(cache, 'portcullis-kernels');
}
