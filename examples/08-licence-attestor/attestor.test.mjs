import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { attestorConformance } from '@portcullis/core/conformance';
import { fakePeerSource } from '@portcullis/core/testing';
import { LicenceAttestor } from './attestor.mjs';
import { isLocal } from './file-system.mjs';
import { licenceIn } from './spdx.mjs';

const ME = process.getuid();
const MIT = 'SPDX-License-Identifier: MIT\n';
const KEY = 'licence:spdx';
const folder = mkdtempSync('/tmp/portcullis-example-');
chmodSync(folder, 0o755);
after(() => { rmSync(folder, { recursive: true, force: true }); });

let count = 0;
/** A program in a folder of its own, and what `beside` makes of the place beside it. */
function program(beside = (place) => { writeFileSync(place, MIT); }) {
  const home = join(folder, String(count += 1));
  mkdirSync(home, { mode: 0o755 });
  const made = join(home, 'tool');
  writeFileSync(made, 'a program', { mode: 0o755 });
  beside(`${made}.license`, home, made);
  return made;
}

const peerOf = (uid) => fakePeerSource({ uid }).open({ fd: undefined, origin: undefined });
/** As the platform's attestor would have established it. */
const given = (path) => new Map([['unix:path', { state: 'present', values: [path], tier: 'image' }]]);
const found = (path, uid = ME + 1) => new LicenceAttestor().attest(peerOf(uid), new Set([KEY]), new AbortController().signal, given(path)).get(KEY);
const runner = { describe, it };

// What every attestor must hold to: of a peer without a path, and of one whose path we say, in the place of the platform's attestor.
attestorConformance(runner, { setup: () => ({ attestor: new LicenceAttestor(), open: () => peerOf(1000) }) });
attestorConformance(runner, { setup: () => ({ attestor: new LicenceAttestor(), open: () => peerOf(1000), given: given(program()) }) });

describe('the licence', () => {
  it('is what the file beside the program says', () => { assert.deepEqual(found(program()), { state: 'present', values: ['MIT'] }); });
  it('is absent where there is no file', () => { assert.deepEqual(found(program(() => {})), { state: 'absent' }); });
  it('is worth what the peer says where the peer may write it, unless that is root', () => {
    assert.equal(found(program(), ME).tier, ME === 0 ? undefined : 'peer-asserted');
    if (ME !== 0) return;
    const own = (place, _home, made) => { writeFileSync(place, MIT); chownSync(place, 1000, 1000); chownSync(made, 1000, 1000); };
    assert.deepEqual(found(program(own), 1000), { state: 'present', values: ['MIT'], tier: 'peer-asserted' });
    assert.deepEqual(found(program(own), 1001), { state: 'present', values: ['MIT'] }); // of the owner of the program, who is somebody else
  });

  for (const [what, beside, why] of [
    ['anybody may write the file', (place) => { writeFileSync(place, MIT); chmodSync(place, 0o646); }, 'unanchored'],
    ['a group may write the file', (place) => { writeFileSync(place, MIT); chmodSync(place, 0o664); }, 'unanchored'],
    ['anybody may put a file there', (place, home) => { writeFileSync(place, MIT); chmodSync(home, 0o777); }, 'unanchored'],
    ['anybody may put a file there, though nobody else may remove it', (place, home) => { writeFileSync(place, MIT); chmodSync(home, 0o1777); }, 'unanchored'],
    ['anybody may take the file away', (_place, home) => { chmodSync(home, 0o777); }, 'unanchored'],
    ['anybody may write the program', (place, _home, made) => { writeFileSync(place, MIT); chmodSync(made, 0o777); }, 'unanchored'],
    ['it is a link', (place, home) => { writeFileSync(join(home, 'x'), MIT); symlinkSync('x', place); }, 'unanchored'],
    ['the folder is a link', (place, home, made) => { rmSync(home, { recursive: true }); mkdirSync(`${home}x`); for (const one of ['tool', 'tool.license']) writeFileSync(join(`${home}x`, one), MIT); symlinkSync(`${home}x`, home); assert.ok(made); }, 'system-error'],
    ['it is a folder', (place) => { mkdirSync(place); }, 'unanchored'],
    ['it is a FIFO, which an open would wait for', (place) => { execFileSync('/usr/bin/mkfifo', [place]); }, 'unanchored'],
    ['it is too large', (place) => { writeFileSync(place, MIT + '#'.repeat(5000)); }, 'limit'],
    ['it is no text', (place) => { writeFileSync(place, Buffer.from([0xff, 0xfe])); }, 'undecodable'],
    ['it names none', (place) => { writeFileSync(place, 'all rights reserved\n'); }, 'undecodable'],
    ['the program is gone', (place, _home, made) => { writeFileSync(place, MIT); rmSync(made); }, 'system-error'],
  ]) {
    it(`is unknown, and not absent, where ${what}: ${why}`, () => {
      const finding = found(program(beside));
      assert.equal(finding.state, 'unknown');
      assert.equal(finding.why, why, finding.detail);
    });
  }

  it('is unknown where the file is of a third user', { skip: ME !== 0 && 'needs root' }, () => {
    assert.equal(found(program((place) => { writeFileSync(place, MIT); chownSync(place, 4321, 4321); })).why, 'unanchored');
  });

  it('is unknown where the program is of a user who has no number here', { skip: ME !== 0 && 'needs root' }, () => {
    assert.equal(found(program((place, _home, made) => { writeFileSync(place, MIT); chownSync(made, 65534, 65534); })).why, 'unanchored');
  });

  it('is unknown of a peer whose program has no path here', () => {
    const finding = new LicenceAttestor().attest(peerOf(1), new Set([KEY]), new AbortController().signal, new Map([['unix:path', { state: 'absent', tier: 'image' }]])).get(KEY);
    assert.equal(finding.why, 'not-visible');
  });

  it('may have several names of one file', () => {
    assert.equal(found(program((place, home) => { writeFileSync(join(home, 'COPYING'), MIT); linkSync(join(home, 'COPYING'), place); })).state, 'present');
  });

  const noFuse = (ME !== 0 && 'needs root') || ['/dev/fuse', '/usr/bin/python3'].filter((one) => !existsSync(one)).map((one) => `no ${one}`)[0];
  it('is not waited for where the file, or a folder, is of a file system that never answers', { skip: noFuse }, (test) => {
    const [one, other] = [program(), program()];
    const script = `import { readBeside } from '${import.meta.dirname}/read-beside.mjs'; for (const path of process.argv.slice(1)) console.log(readBeside(path, '.license').detail)`;
    const { status, stdout, stderr } = spawnSync('/usr/bin/python3', [join(import.meta.dirname, 'stuck-mount.py'), process.execPath, '--input-type=module', '-e', script, one, other, '--', `${one}.license`, dirname(other)], { encoding: 'utf8' });
    if (stderr.startsWith('cannot mount')) return test.skip(stderr);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^(?:on a file system of the kind `fuse`.*\n){2}$/);
  });

  it('is not looked for where a program answers for the file system, which would when it likes', () => {
    for (const kind of ['fuse', 'fuse.sshfs', 'fuseblk', 'nfs4', 'cifs', 'proc', undefined]) assert.equal(isLocal(kind), false, kind);
    assert.equal(found('/proc/1/exe').why, 'system-error');
  });
});

describe('an SPDX text', () => {
  const of = (text) => licenceIn(Buffer.from(text));
  it('has one expression', () => {
    assert.equal(of('SPDX-FileCopyrightText: x\nSPDX-License-Identifier:\tGPL-2.0-only WITH Classpath-exception-2.0\r\n'), 'GPL-2.0-only WITH Classpath-exception-2.0');
    assert.equal(of('SPDX-License-Identifier: (MIT OR Apache-2.0) AND CC0-1.0'), '(MIT OR Apache-2.0) AND CC0-1.0');
  });
  for (const text of ['', 'SPDX-License-Identifier:', 'SPDX-License-Identifier: MIT\nSPDX-License-Identifier: X', ' SPDX-License-Identifier: MIT', 'SPDX-License-Identifier: M\u001b[0m', `SPDX-License-Identifier: ${'x'.repeat(201)}`]) {
    it(`has none, or more than one: ${JSON.stringify(text.slice(0, 60))}`, () => { assert.equal(of(text), undefined); });
  }
});
