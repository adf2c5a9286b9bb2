import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Context } from 'mocha';
import { requireFeature } from '@portcullis/testkit';

const TASKSET = '/usr/bin/taskset';
const CHRT = '/usr/bin/chrt';

export function needStarving(ctx: Context): void {
  requireFeature(ctx, 'chrt', existsSync(TASKSET) && existsSync(CHRT), `${TASKSET} and ${CHRT}, to take processor time away from a thread`);
}

/**
 * Leaves these threads hardly any processor time, as a host does that is too busy: they run where nothing else wants to, on a processor
 * that `spinning` processes keep busy. Whoever called this ends it.
 */
export async function starve(threads: readonly number[], spinning: number): Promise<() => void> {
  const allowed = /^Cpus_allowed_list:\t(.+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
  const processor = String(Number.parseInt(allowed, 10));
  const spinners = Array.from({ length: spinning }, () => spawn(TASKSET, ['-c', processor, '/bin/sh', '-c', 'echo; while :; do :; done'], { stdio: ['ignore', 'pipe', 'ignore'] }));
  await Promise.all(spinners.map(({ stdout }) => new Promise((resolve) => stdout.once('data', resolve))));
  for (const thread of threads) {
    for (const [program, args] of [[TASKSET, ['-p', '-c', processor]], [CHRT, ['--idle', '-p', '0']]] as const) {
      const { status, stderr } = spawnSync(program, [...args, String(thread)], { encoding: 'utf8' });
      if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
    }
  }
  return () => {
    for (const spinner of spinners) spinner.kill('SIGKILL');
    // As they were: else one that has to end waits for a host that is idle. Only root may, and one that has ended needs it not.
    for (const thread of threads) {
      spawnSync(CHRT, ['--other', '-p', '0', String(thread)]);
      spawnSync(TASKSET, ['-p', '-c', allowed, String(thread)]);
    }
  };
}
