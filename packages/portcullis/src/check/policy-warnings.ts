import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { escapeText } from '@portcullis/core';

/**
 * Files of a policy, and their folders, that somebody other than root and this user may write: who can, decides who
 * comes in. To be asked as the user of the gateway.
 * @param files with links followed
 */
export function policyWarnings(files: readonly string[]): readonly string[] {
  const places = new Set(files.flatMap((file) => [file, dirname(file)]));
  return [...places].flatMap((place) => {
    const who = writerOf(place);
    return who === undefined ? [] : [`HOST_POLICY_WRITABLE \`${escapeText(place)}\` holds the policy and may be written by ${who}, who then decides who comes in`];
  });
}

function writerOf(place: string): string | undefined {
  const stat = statSync(place, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (stat.uid !== 0 && stat.uid !== process.geteuid?.()) return `uid ${String(stat.uid)}`;
  if ((stat.mode & 0o002) !== 0) return 'everybody';
  return (stat.mode & 0o020) === 0 ? undefined : `group ${String(stat.gid)}`;
}
