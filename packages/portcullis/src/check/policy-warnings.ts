import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { escapeText } from '@portcullis/core';
import type { HostFindings } from './host-findings.js';

const EVERYBODY_WRITES = 0o002;
const GROUP_WRITES = 0o020;
const STICKY = 0o1000;

/**
 * Files of a policy, their folders and the folders above, where somebody other than root and this user can put another policy: who
 * can, decides who comes in. To be asked as the user of the gateway.
 * @param files absolute, with links followed
 */
export function policyWarnings(files: readonly string[], found: HostFindings): void {
  const own = new Set([...files, ...files.map((file) => dirname(file))]);
  const said = new Set<string>();
  for (const file of files) {
    for (let place = file; ; place = dirname(place)) {
      const who = said.has(place) ? undefined : writerOf(place, own.has(place));
      said.add(place);
      // Of a folder it is told where its first file begins.
      if (who !== undefined) found.ofFile('HOST_POLICY_WRITABLE', file, `\`${escapeText(place)}\` holds the policy and may be written by ${who}, who then decides who comes in`);
      if (dirname(place) === place) break;
    }
  }
}

/** In a sticky folder nobody takes away what is ours, which is enough above; in the policy's own, a file more may be included. */
function writerOf(place: string, own: boolean): string | undefined {
  const stat = statSync(place, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (stat.uid !== 0 && stat.uid !== process.geteuid?.()) return `uid ${String(stat.uid)}`;
  if (!own && (stat.mode & STICKY) !== 0) return undefined;
  if ((stat.mode & EVERYBODY_WRITES) !== 0) return 'everybody';
  return (stat.mode & GROUP_WRITES) === 0 ? undefined : `group ${String(stat.gid)}`;
}
