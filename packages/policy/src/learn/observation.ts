import { trustSuffices, type Evidenced, type Grant, type SelectorKey } from '@portcullis/core';
import type { RecordedDecision } from '../replay/recorded.js';

/** A peer that may be learnt from: who it was, what it ran, and where it came. */
export interface Observation {
  readonly uid: number;
  readonly path: string;
  /** Undefined where nobody asked. */
  readonly sha256: string | undefined;
  readonly container: string | undefined;
  /** Whether it is known that nobody traced it. */
  readonly untraced: boolean;
  /** Undefined where there was no connection. */
  readonly listener: string | undefined;
  readonly grant: Grant;
  readonly timeMs: number;
}

type Seen = ReadonlyMap<SelectorKey, Evidenced>;

/**
 * What can be learnt from a recorded connection, or why nothing can. Only what was admitted, or admitted by observing and
 * refused by no deny rule, and only facts of tier `image` or better: nothing that the peer asserts, nothing that can be raced.
 */
export function observe(record: RecordedDecision): Observation | string {
  if (record.effect === 'deny' && !record.observed) return `it was refused (${record.cause}): only what was admitted or observed is learnt from`;
  if (record.effect === 'deny' && record.cause !== 'default') return `it would have been refused (${record.cause}${record.rules.length === 0 ? '' : ` by ${record.rules.join(', ')}`})`;
  return observationOf(new Map([...record.evidence, ...record.after]), { listener: record.listener, timeMs: record.timeMs, grant: record.grant });
}

/** Of evidence, wherever it is from. */
export function observationOf(seen: Seen, { listener, timeMs, grant }: Pick<Observation, 'listener' | 'timeMs' | 'grant'>): Observation | string {
  const uid = valueOf(seen, 'unix:uid');
  if (typeof uid !== 'number') return lackOf(seen, 'unix:uid');
  const tracer = seen.get('linux:tracer');
  if (tracer?.state === 'present') return 'it was traced: a traced process speaks for its tracer';
  const state = valueOf(seen, 'unix:exe-state');
  if (state !== undefined && state !== 'linked') return `its program runs from a file that is ${String(state)}`;
  const path = valueOf(seen, 'unix:path');
  if (typeof path !== 'string') return lackOf(seen, 'unix:path');
  const digest = seen.get('unix:sha256');
  const sha256 = valueOf(seen, 'unix:sha256');
  if (digest !== undefined && sha256 === undefined) return lackOf(seen, 'unix:sha256');
  const container = seen.get('container:id');
  // T7: its control group says that it is a container's, and nothing vouches for that. A rule that left it out would admit it.
  if (container?.state === 'unknown' && container.why === 'unanchored') return lackOf(seen, 'container:id');
  return {
    uid, path, listener, timeMs, grant, untraced: tracer?.state === 'absent',
    sha256: sha256 === undefined ? undefined : String(sha256),
    container: container?.state === 'present' ? String(container.values[0]) : undefined,
  };
}

/** The value of a key, of evidence that an allow may rest on unless it says otherwise. */
function valueOf(seen: Seen, key: SelectorKey): string | number | boolean | undefined {
  const one = seen.get(key);
  return one?.state === 'present' && trustSuffices(one.tier, 'image') ? one.values[0] : undefined;
}

function lackOf(seen: Seen, key: SelectorKey): string {
  const one = seen.get(key);
  if (one === undefined) return `\`${key}\` was not asked for: \`collect: [unix:path, unix:sha256, linux:tracer]\` or observe mode asks`;
  if (one.state === 'unknown') return `\`${key}\` is unknown (${one.why})`;
  if (one.state === 'absent') return `\`${key}\` is absent`;
  const own = one.tier === 'image-unverified' ? ', as is usual of a program that makes code of its own (Node, Java): a rule that you write may say `requires: image-unverified`' : '';
  return `\`${key}\` is worth ${one.tier} only${own}`;
}
