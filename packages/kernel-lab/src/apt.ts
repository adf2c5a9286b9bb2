import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CannotRun } from './failure.js';
import { lines, run } from './run.js';

const APT_GET = '/usr/bin/apt-get';
const APT_CACHE = '/usr/bin/apt-cache';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * One Debian suite, had from the mirror that apt is already configured with, in a folder of its own: the machine's lists,
 * cache and sources are neither read nor changed. apt checks the suite's signature and each package's hash by it.
 */
export class Suite {
  readonly #name: string;
  readonly #folder: string;
  readonly #options: readonly string[];

  constructor(name: string, folder: string) {
    this.#name = name;
    this.#folder = folder;
    const at = (...path: string[]): string => join(folder, ...path);
    for (const path of ['lists/partial', 'cache/archives/partial', 'packages']) mkdirSync(at(path), { recursive: true });
    writeFileSync(at('sources.list'), `deb [arch=amd64 signed-by=${KEYRING}] ${debianMirror()} ${name} main\n`);
    this.#options = [
      `Dir::Etc::sourcelist=${at('sources.list')}`, 'Dir::Etc::sourceparts=-', `Dir::State::lists=${at('lists')}`, `Dir::Cache=${at('cache')}`,
      'APT::Default-Release=', 'Acquire::Languages=none', 'APT::Sandbox::User=root', 'Acquire::Retries=3',
    ].flatMap((option) => ['-o', option]);
  }

  /** @throws CannotRun where the mirror cannot be reached, or has no such suite */
  update(): void {
    try {
      run(APT_GET, [...this.#options, '-q', '--error-on=any', 'update']);
    } catch (cause) {
      throw new CannotRun(`apt cannot get the lists of ${this.#name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }

  /** The names that a package depends on; the first of each set of alternatives. */
  dependencies(name: string): readonly string[] {
    return lines(run(APT_CACHE, [...this.#options, 'depends', '--important', name])).flatMap((line) => /^ +(?:Pre)?Depends: ([a-z0-9.+-]+)$/.exec(line)?.[1] ?? []);
  }

  /** The package's file, in the cache folder: downloaded anew unless what is there has the hash that the suite says. */
  download(name: string): string {
    const uri = lines(run(APT_GET, [...this.#options, '-q', 'download', '--print-uris', name]))[0] ?? '';
    const [, file, sha256] = /^'[^']*' ([^/ ]+\.deb) [0-9]+ SHA256:([0-9a-f]{64})$/.exec(uri) ?? [];
    if (file === undefined || sha256 === undefined) throw new Error(`apt-get does not say which file \`${name}\` is: \`${uri}\``);
    const path = join(this.#folder, 'packages', file);
    if (!existsSync(path) || sha256Of(path) !== sha256) run(APT_GET, [...this.#options, '-q', 'download', name], { cwd: join(this.#folder, 'packages') });
    if (sha256Of(path) !== sha256) throw new Error(`\`${path}\` is not the file that the suite names`);
    return path;
  }
}

function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Where apt has Debian's main archive from. */
function debianMirror(): string {
  if (!existsSync(APT_GET) || !existsSync(KEYRING)) throw new CannotRun(`needs apt and \`${KEYRING}\`: the kernels are Debian packages`);
  const targets = run(APT_GET, ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages', 'Origin: Debian', 'Label: Debian']);
  const mirror = lines(targets)[0];
  if (mirror === undefined) throw new CannotRun('apt is not configured with a Debian mirror, or `apt-get update` has not run yet');
  return mirror;
}
