import { containerFacts, imageDigests, type ContainerFacts } from './container-facts.js';
import { DaemonFailure } from './failure.js';
import { getJson, type Daemon } from './get-json.js';

/** What one look wants beyond the container itself. */
export interface Wish {
  readonly environment: boolean;
  readonly digests: boolean;
}

export interface Inspection extends ContainerFacts {
  readonly digests: readonly string[] | undefined;
}

/** Asks for one container, and for its image where its digests are wanted. @throws DaemonFailure, and what http and core throw */
export async function inspect(daemon: Daemon, id: string, wish: Wish, signal: AbortSignal, timeoutMs: number): Promise<Inspection> {
  const began = performance.now();
  const limit = AbortSignal.timeout(timeoutMs);
  const either = AbortSignal.any([signal, limit]);
  const leftMs = (): number => timeoutMs - (performance.now() - began);
  try {
    const facts = containerFacts(await getJson(daemon, `/containers/${id}/json`, either, leftMs()), id, wish.environment);
    const digests = wish.digests ? imageDigests(await getJson(daemon, `/images/${facts.imageId}/json`, either, leftMs()), facts.imageId) : undefined;
    return { ...facts, digests };
  } catch (error) {
    if (!either.aborted) throw error;
    throw new DaemonFailure('timeout', limit.aborted ? `the daemon did not answer within ${String(timeoutMs)} ms` : 'nobody waits for the daemon any more');
  }
}
