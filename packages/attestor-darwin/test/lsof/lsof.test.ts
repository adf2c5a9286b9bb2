import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, mkdtempSync, realpathSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pid } from '@portcullis/core';
import { skipUnless } from '@portcullis/testkit';
import { Lsof } from '../../dist/lsof/lsof.js';
import { LSOF, needLsof, needRoot } from '../support/features.js';
import { brief } from '../support/stage.js';

const SLEEP = '/bin/sleep';

describe('attestor-darwin: lsof itself', () => {
  let folder: string;
  const started: ChildProcess[] = [];
  before(function () { needLsof(this); });
  beforeEach(() => { folder = realpathSync(mkdtempSync('/tmp/portcullis-lsof-')); });
  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  async function sleeping(program: string): Promise<Pid> {
    const child = spawn(program, ['600'], { stdio: 'ignore' });
    started.push(child);
    await once(child, 'spawn');
    return child.pid as Pid;
  }

  const lsof = new Lsof({ path: LSOF, timeoutMs: 60_000 });

  it('names the executable of a process, and is worth `heuristic`', async () => {
    assert.deepEqual(await lsof.executableOf(process.pid as Pid), { state: 'present', values: [realpathSync(process.execPath)], tier: 'heuristic' });
  });

  for (const name of ['with a space', 'b\\n\\x41', 'é-ü', 'line\nfeed', 'tab\there', 'colon:nftxt']) {
    it(`names a program that is called ${JSON.stringify(name)}`, async function () {
      skipUnless(this, process.platform === 'linux', 'a copy of a system binary does not run on macOS');
      const program = join(folder, name);
      copyFileSync(SLEEP, program);
      chmodSync(program, 0o755);
      assert.equal(brief(await lsof.executableOf(await sleeping(program))), `present ${program}`);
    });
  }

  for (const name of ['a^Xb', 'x (deleted)', 'escape\u001b[2J']) {
    it(`does not know a program that is called ${JSON.stringify(name)}, which can be read in two ways`, async function () {
      skipUnless(this, process.platform === 'linux', 'a copy of a system binary does not run on macOS');
      const program = join(folder, name);
      copyFileSync(SLEEP, program);
      chmodSync(program, 0o755);
      assert.equal(brief(await lsof.executableOf(await sleeping(program))), 'unknown undecodable');
    });
  }

  it('does not know a program whose file was removed', async function () {
    skipUnless(this, process.platform === 'linux', 'a copy of a system binary does not run on macOS');
    const program = join(folder, 'gone');
    copyFileSync(SLEEP, program);
    chmodSync(program, 0o755);
    const pid = await sleeping(program);
    unlinkSync(program);
    assert.equal(brief(await lsof.executableOf(pid)), 'unknown undecodable');
  });

  it('shows nothing of a process that is gone', async () => {
    const pid = await sleeping(SLEEP);
    const [child] = started;
    child?.kill('SIGKILL');
    await once(child!, 'exit');
    assert.equal(brief(await lsof.executableOf(pid)), 'unknown permission');
  });

  it('is never looked up (I9)', async () => {
    assert.equal(brief(await new Lsof({ path: 'lsof' }).executableOf(process.pid as Pid)), 'unknown service-down');
  });

  it('is missed where it is not', async () => {
    assert.equal(brief(await new Lsof({ path: '/usr/sbin/no-such-lsof' }).executableOf(process.pid as Pid)), 'unknown service-down');
  });
});

describe('attestor-darwin: a program that is not lsof, as root', () => {
  let folder: string;
  let path: string;
  before(function () {
    skipUnless(this, process.platform === 'linux', 'the folder of the script must be root\'s, as /opt is on Linux');
    needRoot(this);
  });
  beforeEach(() => {
    // below /opt, since everybody may write /tmp
    folder = mkdtempSync('/opt/portcullis-lsof-');
    chmodSync(folder, 0o755);
    path = join(folder, 'lsof');
  });
  afterEach(() => { rmSync(folder, { recursive: true, force: true }); });

  async function answerOf(script: string, options: { readonly timeoutMs?: number } = {}): Promise<string> {
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return brief(await new Lsof({ path, timeoutMs: 60_000, ...options }).executableOf(812 as Pid));
  }

  it('is asked for one pid and its mapped files, in the form that is parsed', async () => {
    assert.equal(await answerOf('[ "$*" = "-nP -a -p 812 -d txt -F fn" ] && printf "p812\\nftxt\\nn/bin/sh\\n"'), 'present /bin/sh');
  });

  it('T19: has nothing of our environment', async () => {
    process.env['DYLD_INSERT_LIBRARIES'] = '/tmp/x';
    try {
      assert.equal(await answerOf('[ -z "$DYLD_INSERT_LIBRARIES$HOME$LANG" ] && printf "p812\\nftxt\\nn/bin/sh\\n"'), 'present /bin/sh');
    } finally {
      delete process.env['DYLD_INSERT_LIBRARIES'];
    }
  });

  for (const [title, script, said] of [
    ['speaks of another process', 'printf "p813\\nftxt\\nn/bin/sh\\n"', 'unknown undecodable'],
    ['speaks of another descriptor first', 'printf "p812\\nfcwd\\nn/\\nftxt\\nn/bin/sh\\n"', 'unknown undecodable'],
    ['names no file', 'printf "p812\\n"', 'unknown undecodable'],
    ['names a path that is not absolute', 'printf "p812\\nftxt\\nnsh\\n"', 'unknown undecodable'],
    ['names a path that is not UTF-8', 'printf "p812\\nftxt\\nn/bin/\\\\\\\\xff\\n"', 'unknown undecodable'],
    ['says nothing', 'exit 0', 'unknown undecodable'],
    ['finds nothing', 'exit 1', 'unknown permission'],
    ['finds nothing and says something', 'echo p812; exit 1', 'unknown system-error'],
    ['fails', 'exit 127', 'unknown system-error'],
    ['is killed', 'kill -9 $$', 'unknown service-down'],
    ['says too much', 'head -c 2000000 /dev/zero', 'unknown limit'],
  ] as const) {
    it(`which ${title} is ${said}`, async () => {
      assert.equal(await answerOf(script), said);
    });
  }

  it('which never ends is ended', async () => {
    assert.equal(await answerOf('exec sleep 3600', { timeoutMs: 50 }), 'unknown timeout');
  });

  it('T19: is not run when another user may change it', async () => {
    writeFileSync(path, '#!/bin/sh\nprintf "p812\\nftxt\\nn/bin/sh\\n"\n');
    for (const [uid, mode] of [[1234, 0o755], [0, 0o775], [0, 0o757]] as const) {
      chownSync(path, uid, 0);
      chmodSync(path, mode);
      assert.equal(brief(await new Lsof({ path }).executableOf(812 as Pid)), 'unknown service-down');
    }
  });
});
