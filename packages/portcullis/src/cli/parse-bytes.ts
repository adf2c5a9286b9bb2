import { InvalidArgumentError } from 'commander';
import { MOST_POLICY_BYTES } from '../gateway/gateway-spec.js';

/** A number of bytes, a GiB at most. */
export function bytes(text: string): number {
  const value = Number(text);
  if (!/^[1-9][0-9]*$/.test(text) || value > MOST_POLICY_BYTES) throw new InvalidArgumentError(`It is a number of bytes, from 1 to ${String(MOST_POLICY_BYTES)}.`);
  return value;
}

/** The option of every command that reads policies: the most that one file may have. */
export const MAX_BYTES = ['--max-bytes <bytes>', 'the largest file of a policy to read (default: 33554432)', bytes] as const;
