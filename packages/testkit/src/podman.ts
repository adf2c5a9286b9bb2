import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from 'mocha';
import { requireFeature } from './skip.js';

const PODMAN = '/usr/bin/podman';
const RUNTIMES = { runc: ['/usr/sbin/runc', '/usr/bin/runc'], crun: ['/usr/bin/crun'] } as const;
const BUSYBOX = '/bin/busybox';
/** None to ask for more than a machine without CAP_SYS_RESOURCE has. */
const LIMITS = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];

export interface PodmanOptions {
  readonly runtime?: keyof typeof RUNTIMES;
  /** A user of the local database, for a rootless podman; root unless said. */
  readonly uid?: number;
  /** Programs that run podman, each with its arguments: `unshare …`. */
  readonly through?: readonly string[];
  /** Options of every container: `--cgroups=disabled`. */
  readonly run?: readonly string[];
}

/** What a test starts by itself: the whole command line, and the environment that podman needs. */
export interface PodmanCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface ContainerCommand extends PodmanCommand {
  readonly name: string;
}

/**
 * Real containers, with a store of their own and without a registry or a network. `close` removes every container and the
 * store; where a test run is ended before that, the exit of the process does.
 */
export class Podman {
  readonly folder = mkdtempSync('/tmp/portcullis-podman-');
  readonly #options: PodmanOptions;
  readonly #runtime: string;
  readonly #atExit = () => { this.#sweep(); };
  #service: ChildProcess | undefined;
  #started = 0;

  /** Skips the test, with the reason, where containers cannot be run here. Starts and removes one to know. */
  static open(ctx: Context, options: PodmanOptions = {}): Podman {
    const { runtime = 'runc', uid, through } = options;
    const feature = ['podman', ...(uid === undefined ? [] : ['rootless']), ...(runtime === 'runc' ? [] : [runtime])].join('-');
    const found = RUNTIMES[runtime].find((path) => existsSync(path));
    requireFeature(ctx, feature, process.platform === 'linux' && process.geteuid?.() === 0, 'needs root on Linux');
    requireFeature(ctx, feature, existsSync(PODMAN) && existsSync(BUSYBOX) && found !== undefined, `${PODMAN}, ${runtime} and ${BUSYBOX} are not all there`);
    const podman = new Podman(found, options);
    const problem = podman.#tryOut();
    if (problem !== undefined) podman.#sweep();
    requireFeature(ctx, feature, problem === undefined, `no container can be run here${through === undefined ? '' : ` through ${through.join(' ')}`}: ${problem ?? ''}`);
    return podman;
  }

  private constructor(runtime: string, options: PodmanOptions) {
    this.#runtime = runtime;
    this.#options = options;
    process.on('exit', this.#atExit);
    const { uid } = options;
    chmodSync(this.folder, 0o755);
    mkdirSync(join(this.folder, 'home'), { mode: 0o700 });
    if (uid !== undefined) this.#must('/bin/chown', [String(uid), join(this.folder, 'home')]);
  }

  /** Makes an image of busybox and these files: where they stand in it, and where they come from. */
  image(name: string, files: Readonly<Record<string, string>> = {}): void {
    const root = join(this.folder, `image-${name}`);
    for (const [target, source] of Object.entries({ '/bin/busybox': BUSYBOX, ...files })) {
      mkdirSync(dirname(join(root, target)), { recursive: true });
      copyFileSync(source, join(root, target));
      chmodSync(join(root, target), 0o755);
    }
    symlinkSync('busybox', join(root, 'bin/sh'));
    this.#must('/bin/tar', ['-C', root, '-cf', `${root}.tar`, '.']);
    this.run('import', `${root}.tar`, name);
  }

  /** How to start a container whose standard input and output are those of the command. */
  container(image: string, program: readonly string[], options: readonly string[] = []): ContainerCommand {
    const name = `portcullis-${String(process.pid)}-${String((this.#started += 1))}`;
    return { name, ...this.#command(['run', '--rm', '-i', '--name', name, ...this.#runOptions(options), image, ...program]) };
  }

  /** Starts a container in the background; returns all 64 digits of its id. */
  start(image: string, program: readonly string[], options: readonly string[] = []): string {
    return this.run('run', '--rm', '--detach', ...this.#runOptions(options), image, ...program);
  }

  /** How to run one more program in a container that was started. */
  inside(container: string, program: readonly string[]): PodmanCommand {
    return this.#command(['exec', container, ...program]);
  }

  /** All 64 digits of the id, as podman says it. */
  idOf({ name }: ContainerCommand): string {
    return this.run('inspect', '--format', '{{.Id}}', name);
  }

  /** Runs a command of podman's to its end and returns what it printed; throws with what it complained of. */
  run(...args: readonly string[]): string {
    const { command, args: line } = this.#command(args);
    return this.#must(command, line);
  }

  /** Starts podman's API service; returns the Unix socket that offers it. */
  async service(): Promise<string> {
    const path = join(this.folder, 'home', 'api.sock');
    const { command, args, env } = this.#command(['system', 'service', '--time', '0', `unix://${path}`]);
    this.#service = spawn(command, args, { stdio: 'ignore', env });
    while (!existsSync(path)) {
      if (this.#service.exitCode !== null) throw new Error('podman system service ended at once');
      await delay(20);
    }
    return path;
  }

  /** Kills the API service; its socket stays, and nobody answers there. */
  async stopService(): Promise<void> {
    const service = this.#service;
    if (service?.exitCode !== null || service.signalCode !== null) return;
    service.kill('SIGKILL');
    await new Promise((resolve) => service.once('exit', resolve));
  }

  async close(): Promise<void> {
    await this.stopService();
    this.#sweep();
  }

  /** Twice does no harm: what is gone is gone. */
  #sweep(): void {
    process.off('exit', this.#atExit);
    this.#service?.kill('SIGKILL');
    const commands = [['rm', '--all', '--force', '--time', '0']];
    if (this.#options.uid !== undefined) commands.push(['system', 'migrate']); // a process of its own holds a rootless podman's namespaces
    for (const { command, args, env } of commands.map((one) => this.#command(one))) spawnSync(command, args, { env, stdio: 'ignore', timeout: 60_000 });
    this.#remove();
  }

  /**
   * podman's monitors and clean-up outlive the containers for a moment and make the store anew: it is gone when nobody was
   * seen in three looks, since one in the middle of an exec shows no arguments.
   */
  #remove(): void {
    for (let tries = 0, quiet = 0; tries < 100 && quiet < 3; tries += 1) {
      spawnSync('/bin/sleep', ['0.1']); // this may be the exit of the process: nothing else waits there
      quiet = this.#helpers().length === 0 ? quiet + 1 : 0;
    }
    for (const pid of this.#helpers()) process.kill(pid, 'SIGKILL');
    spawnSync('/bin/rm', ['-rf', '--one-file-system', '--', this.folder]);
  }

  /** Processes with this store among their arguments. */
  #helpers(): readonly number[] {
    const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name) && name !== String(process.pid));
    return pids.filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(this.folder);
      } catch {
        return false; // gone since
      }
    }).map(Number);
  }

  #tryOut(): string | undefined {
    try {
      this.image('try');
      this.run('run', '--rm', ...this.#runOptions(), 'try', '/bin/busybox', 'true');
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #runOptions(options: readonly string[] = []): readonly string[] {
    const all = [...LIMITS, ...(this.#options.run ?? []), ...options];
    return all.some((option) => option.startsWith('--network')) ? all : ['--network=none', ...all];
  }

  #command(podmanArgs: readonly string[]): PodmanCommand {
    const { uid, through = [] } = this.#options;
    const become = uid === undefined ? [] : ['/usr/bin/setpriv', '--reuid', String(uid), '--regid', String(uid), '--clear-groups'];
    const home = join(this.folder, 'home');
    const store = ['--root', `${home}/store`, '--runroot', `${home}/run`, '--tmpdir', `${home}/tmp`, '--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', '--events-backend', 'none'];
    const [command = '', ...args] = [...through, ...become, PODMAN, ...store, '--runtime', this.#runtime, ...podmanArgs];
    return { command, args, env: this.#env() };
  }

  #env(): Readonly<Record<string, string>> {
    const home = join(this.folder, 'home');
    return { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: home, XDG_RUNTIME_DIR: home };
  }

  #must(command: string, args: readonly string[]): string {
    const { status, stdout, stderr, error } = spawnSync(command, args, { env: this.#env(), encoding: 'utf8', timeout: 60_000, cwd: '/' });
    if (status === 0) return stdout.trim();
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim().split('\n').at(-1) ?? ''}`);
  }
}
