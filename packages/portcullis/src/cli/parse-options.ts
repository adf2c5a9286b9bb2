import { parseMoment } from '@portcullis/policy';
import { InvalidArgumentError } from 'commander';

/** A number of things, at least one. */
export function countOf(text: string): number {
  if (/^[1-9][0-9]{0,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('A whole number above 0.');
}

/** Milliseconds since the epoch. */
export function momentOf(text: string): number {
  const ms = parseMoment(text);
  if (ms === undefined) throw new InvalidArgumentError('A moment in full, such as 2026-11-23T09:00:00Z.');
  return ms;
}
