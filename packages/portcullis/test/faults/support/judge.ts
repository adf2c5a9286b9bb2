import { isDeepStrictEqual } from 'node:util';
import { trustRank, type Admission, type Evidence, type Evidenced } from '@portcullis/core';

/**
 * What is wrong with an admission that was made through a faulty door, in words; undefined for the one allowed outcome: a
 * refusal with a code, or a correct admission. Whatever was said of the peer is true, or unknown, or worth less than it was.
 */
export function wrongIn({ decision, failure, evidence }: Admission, truth: Evidence): string | undefined {
  if (failure !== undefined || decision.cause === 'defect') return `threw ${failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)}`;
  if (decision.effect === 'deny' && !COMES_FROM_POLICY.has(decision.cause) && decision.code === undefined) return `refused without a code: ${decision.cause}`;
  if (decision.cause === 'peer-lost') return undefined; // whose evidence it was is not known
  const untrue = untrueIn(evidence, truth);
  if (untrue !== undefined) return untrue;
  if (decision.effect === 'deny') return undefined;
  const unknown = [...evidence].find(([key, { state }]) => state === 'unknown' && truth.get(key)?.state !== 'unknown');
  return unknown && `admitted without ${unknown[0]}`;
}

/** What is neither true, nor unknown, nor worth less than it was, in words. */
export function untrueIn(evidence: Evidence, truth: Evidence): string | undefined {
  for (const [key, entry] of evidence) {
    const was = truth.get(key);
    if (was === undefined || entry.state === 'unknown') continue;
    if (!sameAs(entry, was)) return `${key} was ${JSON.stringify(was)} and is ${JSON.stringify(entry)}`;
  }
  return undefined;
}

const COMES_FROM_POLICY: ReadonlySet<string> = new Set(['default', 'unknown-evidence']);

/** The same, and of no stronger a tier. */
function sameAs(entry: Evidenced, was: Evidenced): boolean {
  if (entry.state !== 'unknown' && was.state !== 'unknown' && trustRank(entry.tier) < trustRank(was.tier)) return false;
  return isDeepStrictEqual({ ...entry, tier: undefined }, { ...was, tier: undefined });
}
