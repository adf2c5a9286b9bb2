import { formatErrorChain, PortcullisError } from '@portcullis/core';

/** What the command ends with. */
export const EXIT = {
  ok: 0,
  /** It was asked well, and the answer is no: errors in a policy, a socket that cannot be made. */
  failed: 1,
  /** It was asked wrongly. */
  usage: 2,
} as const;

/** Asked wrongly, in a way that only the command itself can see. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Tells on stderr why the command ends, and says with what. Stacks are for who asks: PORTCULLIS_DEBUG=1. */
export function report(error: unknown): number {
  const debug = process.env['PORTCULLIS_DEBUG'] === '1' && error instanceof Error && error.stack !== undefined;
  // Findings inside are escaped already, and have lines of their own.
  say(`portcullis: ${debug ? String(error.stack) : tell(error)}`);
  return error instanceof UsageError ? EXIT.usage : EXIT.failed;
}

function tell(error: unknown): string {
  if (error instanceof PortcullisError || error instanceof UsageError) return formatErrorChain(error);
  return `internal error: ${formatErrorChain(error)}\n  PORTCULLIS_DEBUG=1 shows where`;
}

/** One message on stderr. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The result on stdout. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
