import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** One kind of client of the soak, and what is to become of it. */
export interface Crowd {
  readonly name: string;
  readonly program: string;
  readonly uid: number;
  /** So many at once from one process, or each from a process that never connected before. */
  readonly how: number | 'fork';
  readonly admitted: boolean;
}

/** Connects `count` times; returns how many connections were not served. The clients are gone then. */
export async function connect(crowd: Crowd, path: string, count: number): Promise<number> {
  const { program, uid, how } = crowd;
  const client = spawn(program, [path, String(count), String(how)], { stdio: ['ignore', 'pipe', 'inherit'], uid, gid: uid, cwd: '/' });
  let said = '';
  client.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(client, 'close');
  const unserved = /^([0-9]+)\s*$/.exec(said)?.[1];
  if (unserved === undefined) throw new Error(`the clients of \`${crowd.name}\` said \`${said}\``);
  return Number(unserved);
}
