import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Which users the peers run as. */
export interface People {
  /** Who runs the demo. */
  readonly starter: number;
  /** Who runs the honest client and most of the others: a plain user where we may become one, or the starter. */
  readonly user: number;
  /** Somebody whom the policy does not know; undefined where we cannot start his processes. */
  readonly stranger: number | undefined;
  /** Somebody whom the policy lets in from a container; undefined where we cannot start or not look at his processes. */
  readonly jobs: number | undefined;
  /** Why one of them is missing; undefined when none is. */
  readonly why: string | undefined;
}

const CAP_SYS_PTRACE = 1n << 19n;

export function findPeople(): People {
  const starter = process.geteuid?.() ?? -1;
  const [user, stranger, jobs] = unusedIds();
  const alone = { starter, user: starter, stranger: undefined, jobs: undefined };
  if (starter !== 0) return { ...alone, why: 'not root: only root can start processes of other users' };
  const refused = tryAs(user);
  if (refused !== undefined) return { ...alone, why: `this root may not start processes of other users (${refused})` };
  if (!seesOthers()) {
    return { ...alone, stranger, why: 'this root has no CAP_SYS_PTRACE (a container?): it cannot look at the programs of other users' };
  }
  return { starter, user, stranger, jobs, why: undefined };
}

/** Ids that no account has: processes of the demo are then nobody's. */
function unusedIds(): readonly [number, number, number] {
  const taken = new Set(accounts().map((line) => Number(line.split(':')[2])));
  const next = (from: number): number => (taken.has(from) ? next(from + 1) : from);
  const user = next(4711);
  const stranger = next(user + 1);
  return [user, stranger, next(stranger + 1)];
}

function accounts(): readonly string[] {
  try {
    return readFileSync('/etc/passwd', 'utf8').split('\n');
  } catch {
    return [];
  }
}

/** Why we cannot become `uid`. A program that this user may not run is no reason: the ids were set by then. */
function tryAs(uid: number): string | undefined {
  const { error } = spawnSync(process.execPath, ['--version'], { uid, gid: uid, env: {}, cwd: '/', stdio: 'ignore' });
  const code = error === undefined || !('code' in error) ? undefined : String(error.code);
  return code === 'EPERM' || code === 'EINVAL' ? code : undefined;
}

/** ptrace(2), PTRACE_MODE_READ: to look at the exe link of another user's process. */
function seesOthers(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return effective !== undefined && (BigInt(`0x${effective}`) & CAP_SYS_PTRACE) !== 0n;
}
