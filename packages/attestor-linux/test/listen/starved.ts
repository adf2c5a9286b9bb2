/**
 * For exhaustion.linux.test.ts, under a low limit of descriptors: binds with 0, 1, 2 … descriptors to spare until it
 * succeeds, and reports what each attempt ended in and left behind.
 */
import { closeSync, existsSync, openSync, readdirSync } from 'node:fs';
import { PortcullisError } from '@portcullis/core';
import { linuxListenPort } from '../../dist/listen/listen-port.js';

export interface Attempt {
  readonly code: string;
  readonly errno: string;
  readonly leaked: number;
  readonly left: readonly string[];
}

const folder = process.argv[2] ?? '';
const path = `${folder}/s`;
const port = linuxListenPort();
// Once with descriptors at hand: libraries and modules that are loaded late are loaded now.
const first = port.bind({ path });
closeSync(first.fd);
if (process.argv[3] !== 'stale') first.release(); // else there is a stale socket to take over

const attempts: Attempt[] = [];
for (let spare = 0; attempts.at(-1)?.code !== 'bound' && spare < 40; spare += 1) attempts.push(attempt(spare));
process.stdout.write(JSON.stringify(attempts));

function attempt(spare: number): Attempt {
  const filler = fill();
  for (let n = 0; n < spare; n += 1) closeSync(filler.pop() ?? -1);
  let code = 'bound';
  let errno = '';
  try {
    const bound = port.bind({ path });
    closeSync(bound.fd);
    bound.release();
  } catch (error) {
    code = error instanceof PortcullisError ? error.code : String(error);
    errno = error instanceof PortcullisError ? String(error.facts['errno']) : '';
  }
  const again = fill();
  const leaked = spare - again.length;
  for (const fd of [...filler, ...again]) closeSync(fd);
  return { code, errno, leaked, left: existsSync(folder) ? readdirSync(folder) : [] };
}

function fill(): number[] {
  const fds: number[] = [];
  try {
    for (;;) fds.push(openSync('/dev/null', 'r'));
  } catch {
    return fds;
  }
}
