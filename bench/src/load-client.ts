import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** The C client, compiled once a run. It runs in another process than the server, so that its time is not counted. */
export class LoadClient {
  readonly program: string;

  constructor(folder: string) {
    this.program = join(folder, 'load-client');
    execFileSync('/usr/bin/gcc', ['-O2', '-o', this.program, new URL('../native/load-client.c', import.meta.url).pathname]);
  }

  /** One connection that sends `bytes` in writes of `size`, and waits until all of them were read. */
  send(path: string, bytes: number, size: number): Promise<void> {
    return this.run(path, bytes, `send:${String(size)}`);
  }

  /** `count` connections, `atOnce` at a time; throws when one of them was not served as expected. */
  async run(path: string, count: number, how: number | 'fork' | `send:${string}`): Promise<void> {
    const client = spawn(this.program, [path, String(count), String(how)], { stdio: ['ignore', 'ignore', 'inherit'] });
    const [code] = (await once(client, 'exit')) as [number];
    if (code !== 0) throw new Error(`the load client ended with ${String(code)}`);
  }

  /** Holds `count` connections until `release` is called; with `leave`, a child of it keeps them when it dies by `kill`. */
  async hold(path: string, count: number, how: 'hold' | 'leave' = 'hold'): Promise<{ release(): Promise<void>; kill(): void }> {
    const client: ChildProcess = spawn(this.program, [path, String(count), how], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(client.stdout!, 'data');
    return {
      async release() {
        client.stdin!.end();
        await once(client, 'exit');
      },
      kill() { client.kill('SIGKILL'); },
    };
  }
}
