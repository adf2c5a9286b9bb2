import { toUSVString } from 'node:util';
import type { Fd } from '@portcullis/core';
import { SUN_PATH, unixAddress } from '../ffi/unix-address.js';
import { refusal } from './refusal.js';

/**
 * The longest name of a socket. `/proc/self/fd/N/` takes its share of `sun_path`; N is reckoned with ten digits, so
 * that a name which fits when few descriptors are open fits later too.
 */
export const LONGEST_NAME = SUN_PATH - Buffer.byteLength('/proc/self/fd/') - 10 - 1;
/** linux/limits.h PATH_MAX without its NUL: beyond it no client can name the socket. */
const LONGEST_PATH = 4095;

export interface SplitPath {
  /** The components of the parent folder as they were written; `..` is resolved by the walk, not by text. */
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

/** The address of `/proc/self/fd/<fd>`, or of a name in it. */
export function socketAddress(fd: Fd, name?: string): Uint8Array {
  return unixAddress(`/proc/self/fd/${String(fd)}${name === undefined ? '' : `/${name}`}`);
}

function badPath(path: string, reason: string, what: string, remedy: string): Error {
  return refusal({
    code: 'LISTEN_PATH',
    message: `the path \`${path}\` ${what}`,
    remedy,
    facts: { path, reason, longestName: LONGEST_NAME },
  });
}
