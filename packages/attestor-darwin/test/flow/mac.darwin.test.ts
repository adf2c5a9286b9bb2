import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireFeature, skipUnless } from '@portcullis/testkit';
import type { SelectorKey } from '@portcullis/core';
import { DARWIN_SELECTORS, type DarwinPeer } from '@portcullis/attestor-darwin';
import { puppet } from '../support/compile.js';
import { LSOF, needDarwin, needLsof } from '../support/features.js';
import { attest, brief, connectionOf, DarwinAttestor, DarwinPeerSource, opened, refused, Stage } from '../support/stage.js';

const CODESIGN = '/usr/bin/codesign';

/** What `codesign -dv` prints of a file, by name. */
function codesign(path: string): ReadonlyMap<string, string> {
  const { stderr } = spawnSync(CODESIGN, ['-d', '--verbose=4', path], { encoding: 'utf8' });
  return new Map(stderr.split('\n').map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]));
}

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

/** All of this on real sockets, processes and signatures of a Mac, with nothing in the kernel's place. */
describe('attestor-darwin: on a Mac', () => {
  let stage: Stage;
  let attestor: DarwinAttestor;
  let source: DarwinPeerSource;
  before(function () {
    needDarwin(this);
    requireFeature(this, 'cc', existsSync('/usr/bin/cc'), 'no /usr/bin/cc');
    requireFeature(this, 'codesign', existsSync(CODESIGN), `no ${CODESIGN}`);
    source = new DarwinPeerSource();
  });
  beforeEach(async () => { stage = await Stage.open(); attestor = new DarwinAttestor(); });
  afterEach(async () => { stage.close(); await attestor.close(); });

  async function said(peer: DarwinPeer, ...keys: SelectorKey[]): Promise<Readonly<Record<string, string>>> {
    const findings = await attest(attestor, peer, ...keys);
    return Object.fromEntries(keys.map((key) => [key, brief(findings.get(key))]));
  }

  /** A copy of the puppet, signed by nobody with these options, or not at all. */
  function signed(name: string, ...options: string[]): string {
    const made = join(stage.folder, name);
    copyFileSync(puppet(), made);
    spawnSync(CODESIGN, ['--remove-signature', made]); // which fails where the linker signed nothing
    if (options.length > 0) run(CODESIGN, '--sign', '-', '--force', ...options, made);
    return made;
  }

  it('finds out what the system offers', () => {
    assert.equal(source.capabilities.peerToken, true);
    assert.equal(source.capabilities.pidPath, true);
    assert.equal(source.capabilities.codeSigning, true);
    assert.ok((source.descriptorUse()?.limit ?? 0) > (source.descriptorUse()?.used ?? 0));
  });

  it('finds what the kernel, codesign and lsof say of a real peer', async function () {
    needLsof(this);
    const program = signed('signed', '--identifier', 'com.example.puppet', '--options', 'runtime');
    const { puppet: peer, socket } = await stage.connected({ program });
    const held = opened(source.open(connectionOf(socket)));
    const found = await said(held, ...DARWIN_SELECTORS.map(({ key }) => key));
    const truth = codesign(program);
    const [, name] = /\nn(.*)\n/.exec(spawnSync(LSOF, ['-nP', '-a', '-p', String(peer.pid), '-d', 'txt', '-F', 'fn'], { encoding: 'utf8' }).stdout) ?? [];
    assert.equal(name, program);
    const expected = {
      'unix:uid': `present ${String(process.geteuid?.())}`,
      'unix:gid': `present ${String(process.getegid?.())}`,
      'unix:path': `present ${program}`,
      'unix:sha256': `present ${createHash('sha256').update(readFileSync(program)).digest('hex')}`,
      'darwin:lsof-path': `present ${program}`,
      'darwin:signature': 'present adhoc',
      'darwin:cdhash': `present ${truth.get('CDHash') ?? ''}`,
      'darwin:signing-id': `present ${truth.get('Identifier') ?? ''}`,
      'darwin:team-id': 'absent',
      'darwin:hardened-runtime': 'present true',
      'darwin:platform-binary': 'present false',
      'darwin:debugged': 'present false',
    };
    assert.equal(truth.get('Identifier'), 'com.example.puppet');
    assert.equal(truth.get('TeamIdentifier'), 'not set');
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, found[key]])), expected);
    assert.equal(held.pin, 'audit-token');
    assert.equal(held.verify(), undefined);
  });

  it('tells a signature without the hardened runtime, and one by the linker', async () => {
    for (const program of [signed('plain', '--identifier', 'com.example.plain'), puppet()]) {
      if (codesign(program).get('Identifier') === undefined) continue; // the linker signs on arm64 alone
      const { socket } = await stage.connected({ program });
      const found = await said(opened(source.open(connectionOf(socket))), 'darwin:signature', 'darwin:hardened-runtime', 'darwin:cdhash');
      assert.deepEqual(found, { 'darwin:signature': 'present adhoc', 'darwin:hardened-runtime': 'present false', 'darwin:cdhash': `present ${codesign(program).get('CDHash') ?? ''}` });
    }
  });

  it('has neither hash nor names of unsigned code', async function () {
    skipUnless(this, process.arch === 'x64', 'arm64 runs no unsigned code');
    const { socket } = await stage.connected({ program: signed('unsigned') });
    const found = await said(opened(source.open(connectionOf(socket))), 'darwin:signature', 'darwin:validation-category', 'darwin:cdhash', 'darwin:team-id', 'darwin:signing-id');
    assert.deepEqual(found, { 'darwin:signature': 'present none', 'darwin:validation-category': 'absent', 'darwin:cdhash': 'absent', 'darwin:team-id': 'absent', 'darwin:signing-id': 'absent' });
  });

  it('knows a part of the system', async function () {
    const NC = '/usr/bin/nc';
    skipUnless(this, existsSync(NC), `no ${NC}`);
    const nc = stage.run(NC, ['-U', stage.socketPath]);
    const socket = await stage.accepted();
    const found = await said(opened(source.open(connectionOf(socket))), 'unix:path', 'darwin:platform-binary', 'darwin:signature', 'darwin:cdhash', 'darwin:signing-id');
    const truth = codesign(NC);
    assert.deepEqual(found, {
      'unix:path': `present ${NC}`, 'darwin:platform-binary': 'present true', 'darwin:signature': 'present valid',
      // the file has one hash for each architecture, and codesign shows that of ours
      'darwin:cdhash': `present ${truth.get('CDHash') ?? ''}`, 'darwin:signing-id': `present ${truth.get('Identifier') ?? ''}`,
    });
    nc.kill();
  });

  it('refuses a process that ran another program before it was pinned, and one that did afterwards (T2)', async () => {
    const early = await stage.connected();
    await early.puppet.tell(`exec ${puppet('other-puppet')}`);
    const unpinned = opened(source.open(connectionOf(early.socket)));
    assert.deepEqual(await said(unpinned, 'unix:path'), { 'unix:path': 'unknown peer-changed' });
    assert.equal(unpinned.verify()?.refused, 'peer-changed');
    const late = await stage.connected();
    const pinned = opened(source.open(connectionOf(late.socket)));
    await said(pinned, 'unix:path');
    await late.puppet.tell(`exec ${puppet()}`);
    assert.deepEqual(await said(pinned, 'unix:path', 'darwin:cdhash'), { 'unix:path': 'unknown peer-exited', 'darwin:cdhash': 'unknown peer-exited' });
    assert.equal(pinned.verify()?.refused, 'peer-changed');
  });

  it('refuses a process that exited, and a connection whose other end is closed', async () => {
    const { puppet: gone, socket } = await stage.connected();
    const held = opened(source.open(connectionOf(socket)));
    await said(held, 'unix:path');
    await gone.last('orphan');
    // the child that holds the connection has it from then on: another process, or nobody any more
    assert.notEqual(held.verify(), undefined);
    const second = await stage.connected();
    await second.puppet.tell('close');
    assert.equal(refused(source.open(connectionOf(second.socket))).refused, 'peer-exited');
  });
});
