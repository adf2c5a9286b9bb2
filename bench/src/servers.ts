import { execFileSync, fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Mode, Usage } from './server.js';

let made = 0;
const children = new Set<ChildProcess>();
process.once('exit', () => { for (const child of children) child.kill('SIGKILL'); });

function nextPath(folder: string): string {
  return join(folder, `${String((made += 1))}.sock`);
}

/** One that is measured. */
abstract class ServerProcess {
  readonly path: string;
  protected readonly child: ChildProcess;

  protected constructor(path: string, child: ChildProcess) {
    this.path = path;
    this.child = child;
    children.add(child);
  }

  /** User and system time that its process used so far. */
  abstract cpuMicros(): Promise<number>;

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
    children.delete(this.child);
  }
}

/** `server.ts`: plain Node, or a gate before it. */
export class NodeServer extends ServerProcess {
  static async start(mode: Mode, folder: string, program: string, environment: Record<string, string> = {}): Promise<NodeServer> {
    const path = nextPath(folder);
    const child = fork(new URL('./server.js', import.meta.url), [mode, path, program], { execArgv: ['--expose-gc'], env: { ...process.env, ...environment } });
    const server = new NodeServer(path, child);
    await once(child, 'message');
    return server;
  }

  /** What it used so far; `collected`: after a garbage collection, which uses much itself. */
  async usage(asked: 'usage' | 'collected' = 'usage'): Promise<Usage> {
    this.child.send(asked);
    const [answer] = (await once(this.child, 'message')) as [Usage];
    return answer;
  }

  async cpuMicros(): Promise<number> {
    return (await this.usage()).cpuMicros;
  }
}

export type BareMode = 'bare-plain' | 'bare-attest';

/** `native/bare-server.c`: the same system calls and nothing else, so that the rest of a gate's cost can be told from the kernel's. */
export class BareServer extends ServerProcess {
  static async start(mode: BareMode, folder: string): Promise<BareServer> {
    const path = nextPath(folder);
    const program = join(folder, 'bare-server');
    execFileSync('/usr/bin/gcc', ['-O2', '-o', program, new URL('../native/bare-server.c', import.meta.url).pathname]);
    const child = spawn(program, [path, mode === 'bare-attest' ? 'attest' : 'plain'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const server = new BareServer(path, child);
    await once(child.stdout, 'data');
    return server;
  }

  async cpuMicros(): Promise<number> {
    this.child.kill('SIGUSR1');
    const [bytes] = (await once(this.child.stdout!, 'data')) as [Buffer];
    return Number(bytes.readBigInt64LE());
  }
}
