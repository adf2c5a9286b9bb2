import { toUSVString } from 'node:util';
import { SUN_PATH } from '../ffi/unix-address.js';
import { refusal } from './refusal.js';

/** The longest name of a socket: it is bound by its name alone, in the folder that is held. */
export const LONGEST_NAME = SUN_PATH;
/** PATH_MAX without its NUL (bsd/sys/syslimits.h). */
const LONGEST_PATH = 1023;

export interface SplitPath {
  /** The components of the parent folder as they were written. */
  readonly folders: readonly string[];
  readonly name: string;
}

/** Takes an absolute path apart. Throws `LISTEN_PATH`. */
export function splitPath(path: string): SplitPath {
  if (!path.startsWith('/')) throw badPath(path, 'not-absolute', 'is not absolute', 'start it with `/`');
  if (path.includes('\0')) throw badPath(path, 'nul', 'has a NUL byte', 'leave it out');
  if (toUSVString(path) !== path) throw badPath(path, 'encoding', 'is not well-formed text', 'name it in UTF-8');
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw badPath(path, 'path-too-long', 'is too long for any client', `keep it within ${String(LONGEST_PATH)} bytes`);
  }
  const at = path.lastIndexOf('/');
  const name = path.slice(at + 1);
  if (name === '' || name === '.' || name === '..') {
    throw badPath(path, 'name', 'does not end in a name', 'end it in the name of the socket');
  }
  const length = Buffer.byteLength(name);
  if (length > LONGEST_NAME) {
    throw badPath(path, 'name-too-long', `ends in a name of ${String(length)} bytes`, `keep the name within ${String(LONGEST_NAME)} bytes`);
  }
  return { folders: components(path.slice(0, at)), name };
}

/** The components of a path without the empty ones and without `.`. */
export function components(path: string): string[] {
  return path.split('/').filter((component) => component !== '' && component !== '.');
}

function badPath(path: string, reason: string, what: string, remedy: string): Error {
  return refusal({
    code: 'LISTEN_PATH',
    message: `the path \`${path}\` ${what}`,
    remedy,
    facts: { path, reason, longestName: LONGEST_NAME },
  });
}
