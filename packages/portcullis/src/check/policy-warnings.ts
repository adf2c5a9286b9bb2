import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { escapeText } from '@portcullis/core';
import { realPathOf } from '../real-path.js';
import type { HostFindings } from './host-findings.js';

const EVERYBODY_WRITES = 0o002;
const GROUP_WRITES = 0o020;
const STICKY = 0o1000;

/** What a policy was read from. */
export interface ReadFrom {
  /** Absolute, with links followed; the policy's own first. */
  readonly files: readonly string[];
  /** Absolute: where another file would be read too, or a link lies that led to one. */
  readonly folders: readonly string[];
}

/**
 * Files of a policy, the folders that it is read from and those above, where somebody other than root and this user can put another
 * policy: who can, decides who comes in. To be asked as the user of the gateway.
 */
export function policyWarnings({ files, folders }: ReadFrom, found: HostFindings): void {
  const ways = folders.flatMap((folder) => [folder, realPathOf(folder)]);
  const own = new Set([...files, ...files.map((file) => dirname(file)), ...ways]);
  const seen = new Set<string>();
  for (const path of [...files, ...ways]) {
    // What has no file of the policy, or none yet, is told where the policy begins.
    const at = files.includes(path) ? path : (files[0] ?? path);
    for (const { place, who } of writable(path, own, seen)) {
      found.ofFile('HOST_POLICY_WRITABLE', at, `\`${escapeText(place)}\` holds the policy and may be written by ${who}, who then decides who comes in`);
    }
  }
}

/** The same of a gateway file, which says which policies there are, and who may reach the sockets. */
export function gatewayWarnings(file: string, found: HostFindings): void {
  const real = realPathOf(file);
  for (const { place, who } of writable(real, new Set([real]))) {
    found.ofFile('HOST_GATEWAY_WRITABLE', real, `\`${escapeText(place)}\` holds the gateway file and may be written by ${who}, who then says which policy decides`);
  }
}

/** Of `path` and the folders above, those that others may write, each once; `own` are told though they are sticky. */
function* writable(path: string, own: ReadonlySet<string>, seen = new Set<string>()): Iterable<{ readonly place: string; readonly who: string }> {
  for (let place = path; !seen.has(place); place = dirname(place)) {
    seen.add(place); // and so were those above it
    const who = writerOf(place, own.has(place));
    if (who !== undefined) yield { place, who };
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
