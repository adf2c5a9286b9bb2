/** `good`: as strong as it gets. `weaker`: it works, and costs something. `bad`: nothing can be gated so. `note`: neither. */
export type Verdict = 'good' | 'weaker' | 'bad' | 'note';

/** One thing that the doctor looked at. */
export interface Check {
  /** Stable, for scripts. */
  readonly id: string;
  readonly verdict: Verdict;
  /** What was found. */
  readonly found: string;
  /** What it costs in assurance or speed, where it costs something. */
  readonly cost?: string;
}

export interface DoctorReport {
  readonly platform: string;
  readonly kernel: string;
  readonly node: string;
  readonly checks: readonly Check[];
  /** Whether connections can be gated here at all. */
  readonly usable: boolean;
  /** Connections that the descriptor limit allows a gateway; undefined where the platform does not say. */
  readonly connections?: number;
}

/** A check that is either good or has its cost. */
export function either(id: string, good: boolean, found: readonly [yes: string, no: string], cost: string): Check {
  return good ? { id, verdict: 'good', found: found[0] } : { id, verdict: 'weaker', found: found[1], cost };
}
