import type { CapabilitySets, ProcStatus, SeccompMode } from './parse-status.js';

/** What the threads of a process have together: each may write on its connection. */
export interface JoinedStatus extends Pick<ProcStatus, 'seccomp' | 'noNewPrivs' | 'capabilities'> {
  /** Effective ids, each once. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  /** The first that traces one of them; 0: nobody does. */
  readonly tracerPid: number;
}

const WEAKEST_FIRST: readonly SeccompMode[] = ['disabled', 'filter', 'strict'];

/**
 * Threads are traced one by one, and have credentials, seccomp filters and no_new_privs of their own. What binds counts where it
 * binds all of them, what gives power where one has it.
 */
export function joinThreads(threads: readonly [ProcStatus, ...ProcStatus[]]): JoinedStatus {
  const modes = new Set(threads.map(({ seccomp }) => seccomp));
  return {
    uids: [...new Set(threads.map(({ uids }) => uids[1]))],
    gids: [...new Set(threads.map(({ gids }) => gids[1]))],
    tracerPid: threads.find(({ tracerPid }) => tracerPid !== 0)?.tracerPid ?? 0,
    seccomp: modes.has(undefined) ? undefined : WEAKEST_FIRST.find((mode) => modes.has(mode)),
    noNewPrivs: threads.some(({ noNewPrivs }) => noNewPrivs === undefined) ? undefined : threads.every(({ noNewPrivs }) => noNewPrivs === true),
    capabilities: unionOf(threads.map(({ capabilities }) => capabilities)),
  };
}

function unionOf(all: readonly CapabilitySets[]): CapabilitySets {
  const union = (name: keyof CapabilitySets): readonly string[] => [...new Set(all.flatMap((sets) => sets[name] ?? []))];
  return {
    inheritable: union('inheritable'), permitted: union('permitted'), effective: union('effective'), bounding: union('bounding'),
    ambient: all.some(({ ambient }) => ambient === undefined) ? undefined : union('ambient'),
  };
}
