import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { runTrusted } from '@portcullis/core';
import { reasonOf } from './not-here.js';
import type { Workspace } from './workspace.js';

/** The C sources and whatever else of the demo is not compiled with the package. */
export const SOURCES = join(import.meta.dirname, '../../demo');

const COMPILERS = ['/usr/bin/gcc', '/usr/bin/cc', '/usr/bin/clang', '/usr/local/bin/gcc'];
const LIMITS = { timeoutMs: 60_000, mostBytes: 1 << 20 };

export type Built = 'visitor' | 'memfd' | 'traced' | 'forge' | 'preload';

export const ALL: readonly Built[] = ['visitor', 'memfd', 'traced', 'forge', 'preload'];

/** The C programs of the demo, made by the system's compiler: an absolute path, root's, with an emptied environment (I9). */
export class Builder {
  readonly compiler: string | undefined;
  readonly #workspace: Workspace;
  readonly #made = new Map<Built, string>();
  readonly #failed = new Map<Built, string>();

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
    this.compiler = COMPILERS.find((path) => existsSync(path));
  }

  async build(name: Built): Promise<void> {
    if (this.compiler === undefined) return;
    const library = name === 'preload';
    const made = this.#workspace.program(library ? `${name}.so` : name);
    const how = library ? ['-shared', '-fPIC'] : [];
    try {
      // -B: without a PATH, collect2 does not find its linker.
      const { code } = await runTrusted(this.compiler, ['-B/usr/bin', '-O1', ...how, '-o', made, join(SOURCES, `${name}.c`)], LIMITS);
      if (code !== 0) throw new Error(`${this.compiler} cannot build ${name}.c here`);
      chmodSync(made, 0o755);
      this.#made.set(name, made);
    } catch (error) {
      this.#failed.set(name, reasonOf(error));
    }
  }

  /** Where the program is. */
  find(name: Built): string | undefined {
    return this.#made.get(name);
  }

  /** Why a program is not there. */
  why(name: Built): string {
    if (this.compiler === undefined) return 'no C compiler (gcc, cc or clang) in /usr/bin';
    return this.#failed.get(name) ?? `${name}.c was not built`;
  }
}
