/** Another user of the machine, for the root tests: acts with uid and gid 12345, without groups. */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { join } from 'node:path';

export const STRANGER = 12_345;

function run(command: string, arguments_: readonly string[]): SpawnSyncReturns<string> {
  const ids = [`--reuid=${String(STRANGER)}`, `--regid=${String(STRANGER)}`, '--clear-groups'];
  return spawnSync('/usr/bin/setpriv', [...ids, command, ...arguments_], { encoding: 'utf8', timeout: 30_000, cwd: '/' });
}

/** Runs a shell command as the stranger; whether it succeeded. */
export function strangerDoes(script: string): boolean {
  return run('/bin/sh', ['-c', script]).status === 0;
}

/** What a client of the stranger's gets: `connected`, or the code of its error. */
export function strangerKnocks(path: string): string {
  const script = `require('node:net').connect(process.argv[1])
    .on('error', (error) => console.log(error.code))
    .on('connect', function () { console.log('connected'); this.destroy(); })`;
  return run(process.execPath, ['-e', script, path]).stdout.trim();
}

/** A gateway that runs as the stranger: `bound`, or the code and errno of the refusal, and whether it took over. */
export function strangerBinds(path: string): string {
  const module_ = join(import.meta.dirname, '../../dist/listen/listen-port.js');
  const script = `const { linuxListenPort } = await import(process.argv[1]);
    try {
      const bound = linuxListenPort().bind({ path: process.argv[2] });
      console.log(bound.replacedStale ? 'bound took-over' : 'bound');
    } catch (error) {
      console.log([error.code, error.facts?.errno].join(' ').trim());
    }`;
  return run(process.execPath, ['--input-type=module', '-e', script, module_, path]).stdout.trim();
}
