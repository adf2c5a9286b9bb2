import { InvalidArgumentError } from 'commander';

const MOST = 2 ** 30;

/** A number of bytes, a GiB at most. */
export function bytes(text: string): number {
  const value = Number(text);
  if (!/^[1-9][0-9]*$/.test(text) || value > MOST) throw new InvalidArgumentError(`It is a number of bytes, from 1 to ${String(MOST)}.`);
  return value;
}
