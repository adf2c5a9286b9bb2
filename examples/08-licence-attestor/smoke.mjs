// Copies of a real program with files of several people beside them, and real connections by them.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const USER = 4321;

if (process.getuid() !== 0) {
  console.log('skipped: needs root, to put files beside a program whose user cannot write them');
  process.exit();
}

// First what every attestor must hold to, and whether this one tells the files apart.
execFileSync(process.execPath, ['--test', 'attestor.test.mjs'], { cwd: import.meta.dirname, stdio: ['ignore', 'ignore', 'inherit'] });
console.log('the conformance kit passes');

const folder = mkdtempSync('/tmp/portcullis-example-');
chmodSync(folder, 0o755);
const path = join(folder, 'tools.sock');

/** A program in a folder of its own, with a text beside it. */
function tool(name, { licence, owner = 0, mode = 0o644 }) {
  const home = join(folder, name);
  mkdirSync(home, { mode: 0o755 });
  const program = join(home, 'socat');
  copyFileSync('/usr/bin/socat', program);
  if (licence !== undefined) writeFileSync(`${program}.license`, `SPDX-FileCopyrightText: socat's authors\nSPDX-License-Identifier: ${licence}\n`);
  for (const one of [home, program, ...(licence === undefined ? [] : [`${program}.license`])]) chownSync(one, owner, owner);
  if (licence !== undefined) chmodSync(`${program}.license`, mode);
  return program;
}

const server = spawn(process.execPath, ['server.mjs', path], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
const lines = createInterface(server.stdout);
/** What the program reads that connects as the user, and what the server says of it. */
const visit = async (program) => {
  const said = once(lines, 'line').then(([line]) => line);
  const read = execFileSync(program, ['-u', `UNIX-CONNECT:${path}`, '-'], { uid: USER, gid: USER, encoding: 'utf8', timeout: 20_000 });
  return read === '' ? await said : read.trimEnd();
};

try {
  await once(lines, 'line');

  assert.equal(await visit(tool('free', { licence: 'GPL-2.0-only' })), 'hello, GPL-2.0-only program');
  console.log('admitted: a program whose licence is on the list, as root says');

  for (const [what, made, why] of [
    ['another licence', { licence: 'LicenseRef-Proprietary' }, 'present LicenseRef-Proprietary'],
    ['no file beside it', {}, 'absent'],
    ['a file that anybody may write', { licence: 'MIT', mode: 0o666 }, 'unknown unanchored'],
    ["a copy of the user's own, with a file of the user's own", { licence: 'MIT', owner: USER }, 'too-weak MIT'],
  ]) {
    assert.equal(await visit(tool(what.replaceAll(/\W/g, '-'), made)), `refused: ${why}`);
    console.log(`refused: ${what}: ${why}`);
  }
} finally {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
}
