import { exhaustedLimits, PortcullisError, type Catalogue, type Evidence, type PolicyContext } from '@portcullis/core';
import { readRecord, RecordProblem, wasBesidePolicy } from '@portcullis/policy';

export interface OneRecord extends PolicyContext {
  readonly evidence: Evidence;
  /** Why it was refused, where that was no policy's doing. */
  readonly beside?: string;
}

/** All that one `decision` record tells of its connection. @throws PortcullisError `EVIDENCE_INVALID` */
export function readOneRecord(bytes: Uint8Array, catalogue: Catalogue): OneRecord {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new RecordProblem('not a JSON object');
    const record = readRecord(value as Readonly<Record<string, unknown>>, catalogue);
    const { listener, timeMs, evidence, after, exhausted, cause } = record;
    return { listener, nowMs: timeMs, limits: exhaustedLimits(exhausted), evidence: new Map([...evidence, ...after]), ...(wasBesidePolicy(record) && { beside: cause }) };
  } catch (error) {
    if (!(error instanceof RecordProblem) && !(error instanceof SyntaxError)) throw error;
    throw new PortcullisError('EVIDENCE_INVALID', 'this is not one `decision` record', { cause: error });
  }
}
