import { toUSVString } from 'node:util';
import { DaemonFailure } from './failure.js';

/** A daemon of root's is believed, and still may have been told its texts by anybody (I11). */
const LONGEST_TEXT = 16 * 1024;
const MOST_ENTRIES = 4096;

export function member(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null || !Object.hasOwn(object, name)) return undefined;
  return (object as Readonly<Record<string, unknown>>)[name];
}

/** @throws DaemonFailure */
export function text(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '' || value.includes('\0') || toUSVString(value) !== value) throw new DaemonFailure('undecodable', `${what} is no text`);
  if (value.length > LONGEST_TEXT) throw new DaemonFailure('limit', `${what} has more than ${String(LONGEST_TEXT)} characters`);
  return value;
}

/** As docker and podman write it, in small letters. @throws DaemonFailure */
export function sha256(value: unknown, what: string): string {
  const found = typeof value === 'string' ? /^(?:sha256:)?([0-9a-f]{64})$/.exec(value)?.[1] : undefined;
  if (found === undefined) throw new DaemonFailure('undecodable', `${what} is no SHA-256`);
  return `sha256:${found}`;
}

/** `null` is none, as Go writes it. @throws DaemonFailure */
export function list(value: unknown, what: string): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw new DaemonFailure('undecodable', `${what} is no list`);
  return bounded(value, what);
}

/** @throws DaemonFailure */
export function entries(value: unknown, what: string): readonly (readonly [string, unknown])[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object' || Array.isArray(value)) throw new DaemonFailure('undecodable', `${what} is no object`);
  return bounded(Object.entries(value), what);
}

function bounded<T>(items: readonly T[], what: string): readonly T[] {
  if (items.length > MOST_ENTRIES) throw new DaemonFailure('limit', `${what} has more than ${String(MOST_ENTRIES)} entries`);
  return items;
}
