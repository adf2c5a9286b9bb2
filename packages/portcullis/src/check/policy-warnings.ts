import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { escapeText } from '@portcullis/core';
import type { HostFindings } from './host-findings.js';

/**
 * Files of a policy, and their folders, that somebody other than root and this user may write: who can, decides who
 * comes in. To be asked as the user of the gateway.
 * @param files with links followed
 */
export function policyWarnings(files: readonly string[], found: HostFindings): void {
  for (const place of new Set(files.flatMap((file) => [file, dirname(file)]))) {
    const who = writerOf(place);
    if (who === undefined) continue;
    // Of a folder it is told where its first file begins.
    found.ofFile('HOST_POLICY_WRITABLE', files.find((file) => file === place || dirname(file) === place) ?? place, `\`${escapeText(place)}\` holds the policy and may be written by ${who}, who then decides who comes in`);
  }
}

function writerOf(place: string): string | undefined {
  const stat = statSync(place, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (stat.uid !== 0 && stat.uid !== process.geteuid?.()) return `uid ${String(stat.uid)}`;
  if ((stat.mode & 0o002) !== 0) return 'everybody';
  return (stat.mode & 0o020) === 0 ? undefined : `group ${String(stat.gid)}`;
}
