import { createHash } from 'node:crypto';
import { PortcullisError } from './errors.js';
import type { Evidence } from './evidence.js';
import type { SelectorKey } from './selector.js';

/**
 * One digest of chosen selectors: the same keys with the same values give the same 64 hex digits, in any order, on any
 * run. For applications that want an identity to store. Absent is part of the identity.
 * @throws PortcullisError `FINGERPRINT_INCOMPLETE` when a key is unknown or was not collected: name it in `collect`.
 */
export function fingerprint(evidence: Evidence, keys: Iterable<SelectorKey>): string {
  const parts: unknown[] = ['portcullis/fingerprint/v1'];
  for (const key of [...new Set(keys)].sort()) {
    const entry = evidence.get(key);
    if (entry === undefined || entry.state === 'unknown') {
      const state = entry === undefined ? 'not collected' : `unknown (${entry.why})`;
      throw new PortcullisError('FINGERPRINT_INCOMPLETE', `\`${key}\` is ${state}`, { facts: { key } });
    }
    parts.push([key, entry.state === 'absent' ? null : entry.values]);
  }
  if (parts.length === 1) throw new PortcullisError('FINGERPRINT_INCOMPLETE', 'no key was given');
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
