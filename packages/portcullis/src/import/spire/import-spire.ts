import { PortcullisError, type Catalogue } from '@portcullis/core';
import { compilePolicyText, formatFindings } from '@portcullis/policy';
import { convertEntries, type Converted } from './convert.js';
import { isNodeEntry, type SpireEntry } from './entry.js';
import { parseEntries } from './parse-entries.js';
import { policyText } from './policy-text.js';

export interface ImportOptions {
  /** The keys that the policy will meet. */
  readonly catalogue: Catalogue;
  /** Only entries with one of these parents; `any`: whatever their parent; undefined: all have to have one and the same. */
  readonly parents: ReadonlySet<string> | 'any' | undefined;
}

export interface Imported extends Converted {
  readonly text: string;
  /** Entries with other parents. */
  readonly elsewhere: number;
}

/**
 * A policy that gives a workload the SPIFFE IDs that SPIRE would: those of the entries whose selectors it all has. What
 * comes out has been compiled.
 * @throws PortcullisError `IMPORT_INVALID`, `IMPORT_REFUSED`
 */
export function importSpire(json: string, { catalogue, parents }: ImportOptions): Imported {
  const entries = parseEntries(json);
  const chosen = entries.filter((entry) => parents === undefined || parents === 'any' || parents.has(entry.parentId));
  if (parents === undefined) requireOneParent(chosen);
  const converted = convertEntries(chosen, catalogue);
  if (converted.carried.length === 0) throw new PortcullisError('IMPORT_REFUSED', nothing(converted, entries, chosen));
  const text = policyText(converted);
  requireSound(text, catalogue);
  return { ...converted, text, elsewhere: entries.length - chosen.length };
}

/** An entry counts on the nodes of its parent alone: on all others it would admit whom SPIRE does not. */
function requireOneParent(entries: readonly SpireEntry[]): void {
  const parents = new Set(entries.filter((entry) => !isNodeEntry(entry)).map(({ parentId }) => parentId));
  if (parents.size < 2) return;
  const named = [...parents].slice(0, 8).map((parent) => `\`${parent}\``).join(', ');
  throw new PortcullisError('IMPORT_REFUSED', `the entries have ${String(parents.size)} parents (${named}${parents.size > 8 ? ', …' : ''}), and each counts on the nodes of its parent only: say which with \`--parent\`, or \`--any-parent\``, {
    facts: { parents: parents.size },
  });
}

function nothing({ refused: [first, ...more] }: Converted, entries: readonly SpireEntry[], chosen: readonly SpireEntry[]): string {
  if (entries.length === 0) return 'the file has no entries';
  if (chosen.length === 0 || first === undefined) return `none of ${String(entries.length)} entries has such a parent`;
  return `no entry can be imported; the first, \`${first.entry.spiffeId}\`: ${first.why}${more.length > 0 ? `; and ${String(more.length)} more` : ''}`;
}

function requireSound(text: string, catalogue: Catalogue): void {
  const { policy, findings, sources } = compilePolicyText(text, { catalogue });
  if (policy !== undefined) return;
  throw new PortcullisError('IMPORT_REFUSED', `the policy would have errors:\n${formatFindings(findings.filter(({ severity }) => severity === 'error').slice(0, 5), sources)}`);
}
