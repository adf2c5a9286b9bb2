import { toUSVString } from 'node:util';
import { refusal } from './refusal.js';

/** In bytes, without a NUL. */
export interface PathLimits {
  /** Of the socket itself. */
  readonly longestName: number;
  /** Beyond it no client can name the socket. */
  readonly longestPath: number;
}

export interface SplitPath {
  /** The components of the parent folder as they were written; `..` is resolved by the walk, not by text. */
  readonly folders: readonly string[];
  readonly name: string;
}

/** Takes an absolute path apart. Throws `LISTEN_PATH`. */
export function splitPath(path: string, limits: PathLimits): SplitPath {
  const { longestName, longestPath } = limits;
  const bad = (reason: string, what: string, remedy: string): Error =>
    refusal({ code: 'LISTEN_PATH', message: `the path \`${path}\` ${what}`, remedy, facts: { path, reason, longestName } });
  if (!path.startsWith('/')) throw bad('not-absolute', 'is not absolute', 'start it with `/`');
  if (path.includes('\0')) throw bad('nul', 'has a NUL byte', 'leave it out');
  if (toUSVString(path) !== path) throw bad('encoding', 'is not well-formed text', 'name it in UTF-8');
  if (Buffer.byteLength(path) > longestPath) {
    throw bad('path-too-long', 'is too long for any client', `keep it within ${String(longestPath)} bytes`);
  }
  const at = path.lastIndexOf('/');
  const name = path.slice(at + 1);
  if (name === '' || name === '.' || name === '..') {
    throw bad('name', 'does not end in a name', 'end it in the name of the socket');
  }
  const length = Buffer.byteLength(name);
  if (length > longestName) {
    throw bad('name-too-long', `ends in a name of ${String(length)} bytes`, `keep the name within ${String(longestName)} bytes`);
  }
  return { folders: components(path.slice(0, at)), name };
}

/** The components of a path without the empty ones and without `.`. */
export function components(path: string): string[] {
  return path.split('/').filter((component) => component !== '' && component !== '.');
}
