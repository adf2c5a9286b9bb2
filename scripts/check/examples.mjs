// The examples as their readers have them: copied beside the packed packages, with nothing of this repository in reach.
import { cpSync, existsSync, lstatSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Failure, Skip, execute } from '../lib/run.mjs';
import { examples } from '../lib/workspaces.mjs';

/** Several wait for what they started more than they compute. */
const AT_ONCE = 2;
const MOST_MS = 180_000;

export class PackedExamples {
  #packages;
  #runs;

  constructor(packages) {
    this.#packages = packages;
  }

  /** Their folders' names, which need not be there yet. */
  static names() {
    return examples().map(({ folder }) => basename(folder));
  }

  /** Installs what they depend on besides ours, copies them, and has them begin. */
  async install() {
    if (process.platform !== 'linux') throw new Skip('the examples attest peers on Linux');
    const consumer = this.#packages.installed();
    const others = this.#dependencies();
    await this.#packages.add(others);
    const folder = join(consumer, 'examples');
    for (const example of examples()) {
      cpSync(example.folder, join(folder, basename(example.folder)), { recursive: true, filter: (path) => basename(path) !== 'node_modules' });
    }
    this.#begin(folder);
    return `beside ${others.join(', ')}`;
  }

  /** What the smoke test of one said. */
  async smoke(name) {
    const run = this.#runs?.get(name);
    if (run === undefined) throw new Skip('the examples were not installed');
    const { code, stdout, output, seconds } = await run;
    if (code !== 0) throw new Failure(`npm run smoke: exit code ${code}`, output);
    // An example that needs what is not here says so itself, and does nothing else.
    const [, reason] = /^skipped: (.+)\n$/.exec(stdout) ?? [];
    if (reason !== undefined) throw new Skip(reason);
    if (!/admitted/.test(stdout) || !/refused/.test(stdout)) throw new Failure('it must admit and refuse', output);
    return `${stdout.trim().split('\n').length} lines, in ${seconds.toFixed(1)} s`;
  }

  /** Ours as they were packed, by the version that the example names; the rest as it names them. */
  #dependencies() {
    const wanted = new Map();
    for (const { folder, manifest } of examples()) {
      for (const [name, version] of Object.entries(manifest.dependencies ?? {})) {
        const known = this.#packages.versions.get(name) ?? wanted.get(name) ?? version;
        if (known !== version) throw new Failure(`${basename(folder)} depends on ${name} ${version}, and there is ${known}`);
        if (!this.#packages.versions.has(name)) wanted.set(name, version);
      }
    }
    return [...wanted].map(([name, version]) => `${name}@${version}`);
  }

  #begin(folder) {
    for (const name of this.#packages.versions.keys()) {
      const place = join(dirname(folder), 'node_modules', name);
      if (lstatSync(place).isSymbolicLink() || existsSync(join(place, 'src'))) throw new Failure(`${name} is not installed from its tarball`, place);
    }
    const waiting = PackedExamples.names();
    const settle = new Map();
    this.#runs = new Map(waiting.map((name) => [name, new Promise((resolve) => { settle.set(name, resolve); })]));
    const next = async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        const startMs = performance.now();
        const ran = await execute('npm', ['run', '--silent', 'smoke'], { cwd: join(folder, name), env: this.#packages.environment(), timeoutMs: MOST_MS }).catch((error) => ({ code: error.code, stdout: '', output: error.message }));
        settle.get(name)({ ...ran, seconds: (performance.now() - startMs) / 1_000 });
      }
    };
    for (let count = 0; count < AT_ONCE; count += 1) void next();
  }
}
