import { PortcullisError, type Catalogue, type Evidence, type PolicyContext } from '@portcullis/core';
import { readRecord, RecordProblem } from '@portcullis/policy';

/** All that one `decision` record tells of its connection. @throws PortcullisError `EVIDENCE_INVALID` */
export function readOneRecord(bytes: Uint8Array, catalogue: Catalogue): PolicyContext & { readonly evidence: Evidence } {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new RecordProblem('not a JSON object');
    const { listener, timeMs, evidence, after } = readRecord(value as Readonly<Record<string, unknown>>, catalogue);
    return { listener, nowMs: timeMs, evidence: new Map([...evidence, ...after]) };
  } catch (cause) {
    if (!(cause instanceof RecordProblem) && !(cause instanceof SyntaxError)) throw cause;
    throw new PortcullisError('EVIDENCE_INVALID', 'this is not one `decision` record', { cause });
  }
}
