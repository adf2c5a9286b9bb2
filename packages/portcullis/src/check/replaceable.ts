import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';

const MOST_LINKS = 40;
const OTHERS_WRITE = 0o022;

/**
 * Why somebody other than root can put another file where `path` leads, or undefined: each folder and the file itself,
 * also of what links lead to, must be root's and unwritable by others. A sticky folder is a writable one.
 */
export function whyReplaceable(path: string): string | undefined {
  let rest = path.split('/').filter((part) => part !== '');
  let at = '/';
  let links = 0;
  for (;;) {
    const stat = lookAt(at);
    if (typeof stat === 'string') return stat === 'ENOENT' ? undefined : `\`${at}\` cannot be looked at (${stat})`;
    if (stat.isSymbolicLink()) {
      if ((links += 1) > MOST_LINKS) return `\`${at}\` leads round in links`;
      const target = readlinkSync(at);
      rest = [...target.split('/').filter((part) => part !== ''), ...rest];
      at = target.startsWith('/') ? '/' : join(at, '..');
      continue;
    }
    if (stat.uid !== 0) return `\`${at}\` is owned by uid ${String(stat.uid)}`;
    if ((stat.mode & OTHERS_WRITE) !== 0) return `\`${at}\` may be written by ${(stat.mode & 0o002) === 0 ? 'its group' : 'everybody'}`;
    const [next, ...others] = rest;
    if (next === undefined) return undefined;
    at = join(at, next);
    rest = others;
  }
}

function lookAt(path: string): Stats | string {
  try {
    return lstatSync(path);
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  }
}
