import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** End after the table. */
  readonly once: boolean;
  /** Records as NDJSON on stdout; what is for people goes to stderr. */
  readonly json: boolean;
  /** Everybody is admitted, and what would have been decided is recorded. */
  readonly observe: boolean;
  /** A policy of one's own in place of the demo's. */
  readonly policy?: string;
  readonly help: boolean;
}

export const HELP = `Usage: npm start -- [options]

Starts a gateway before a small http service, sends it real peers, honest and hostile, and shows who came,
what was decided and why. Then it stays up for you to try, until Ctrl-C.

Options:
  --once   end after the table; exit code 1 if anybody was decided otherwise than expected
  --json   print one JSON record a line on stdout, messages on stderr
  --policy FILE
           decide by a policy of yours, such as one that \`portcullis learn\` made of the records of a run before.
           It is expected to admit whom the demo's own admits, and nobody else
  --observe
           admit everybody, and only record what would have been decided
  --help   print this

Everything is made in a temporary folder and removed at the end. As root the demo also starts peers of
other users and in control groups. With a C compiler it shows more attacks; without one it says which are missing.
`;

/** @throws TypeError for options that there are not */
export function parseOptions(args: readonly string[]): DemoOptions {
  const boolean = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({ args: [...args], options: { once: boolean, json: boolean, observe: boolean, policy: { type: 'string' }, help: { ...boolean, short: 'h' } } });
  return values;
}
