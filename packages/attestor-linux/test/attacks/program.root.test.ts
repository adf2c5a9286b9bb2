import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, copyFileSync, linkSync, mkdirSync, readFileSync, readlinkSync, statSync, realpathSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as passed } from 'node:timers/promises';
import type { SelectorKey } from '@portcullis/core';
import { Attesting, type Look } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { needAttacks, needProgram, needUserNamespaces, SOMEBODY, sysctl } from '../support/features.js';
import { onStage } from '../support/on-stage.js';
import type { PeerProcess, StartOptions } from '../support/peer-process.js';
import type { Stage } from '../support/stage.js';

const KEYS: readonly SelectorKey[] = ['unix:path', 'unix:sha256', 'unix:image', 'unix:exe-state', 'container:exe-path'];
const SOCAT = '/usr/bin/socat';
const PYTHON = '/usr/bin/python3';

describe('the program of a peer', () => {
  let stage: Stage;
  let attesting: Attesting;
  before(function () { needAttacks(this); });
  onStage((...made) => { [stage, attesting] = made; });

  async function lookAt(command: string, args: readonly string[], options: StartOptions = {}): Promise<Look> {
    stage.start(command, args, { uid: SOMEBODY, ...options });
    return attesting.look(await stage.accepted(), KEYS);
  }

  async function lookAtPuppet(program: string, before: (puppet: PeerProcess) => void = () => undefined): Promise<Look> {
    const { puppet, socket } = await stage.connectedPuppet({ program, uid: SOMEBODY });
    before(puppet);
    return attesting.look(socket, KEYS);
  }

  /** A file that the user made, as an attacker would. */
  function own(from: string, name: string): string {
    const path = stage.install(from, name);
    chownSync(path, SOMEBODY, SOMEBODY);
    return path;
  }

  describe('T5: a private mount namespace', () => {
    before(function () { needUserNamespaces(this); });

    async function inNamespace(script: string): Promise<Look> {
      const puppet = stage.start('/usr/bin/unshare', ['-U', '-r', '-m', '/bin/sh', '-c', script, stage.socketPath], { uid: SOMEBODY, env: { PATH: '/usr/bin:/bin' } });
      await puppet.expect('ready');
      const [socket] = await Promise.all([stage.accepted(), puppet.tell('connect')]);
      return attesting.look(socket, KEYS);
    }

    it('T5: a program that an unprivileged user mounted over an allowed path has no `unix:path`', async () => {
      const target = stage.install(compiled('forge-exe'), 'git');
      const evil = own(compiled('puppet'), 'evil');
      const look = await inNamespace(`mount --bind ${evil} ${target} && exec ${target} "$0"`);
      assert.equal(readlinkSync(`/proc/${String(look.peer.credentials.pid)}/exe`), target, 'the attack itself');
      assert.deepEqual([look.state('unix:path'), look.value('unix:exe-state'), look.value('container:exe-path')], ['absent', 'elsewhere', target]);
      assert.equal(look.value('unix:sha256'), digestOf(evil));
    });

    it('T5: nor has one on a file system of their own over the folder', async () => {
      mkdirSync(stage.at('bin'));
      const target = stage.install(compiled('forge-exe'), 'bin/git');
      const evil = own(compiled('puppet'), 'evil');
      const look = await inNamespace(`mount -t tmpfs none ${stage.at('bin')} && cp ${evil} ${target} && exec ${target} "$0"`);
      assert.equal(readlinkSync(`/proc/${String(look.peer.credentials.pid)}/exe`), target, 'the attack itself');
      assert.deepEqual([look.state('unix:path'), look.value('unix:exe-state')], ['absent', 'elsewhere']);
    });

    it('T5: nor has one whose link reads as a way through the links of /proc, which leads from our root into its namespace', async () => {
      const evil = own(compiled('puppet'), 'evil');
      const look = await inNamespace(`mount -t tmpfs none /proc && mkdir -p /proc/$$/cwd && cp ${evil} /proc/$$/cwd/git && cd /proc/$$/cwd && exec /proc/$$/cwd/git "$0"`);
      const link = readlinkSync(`/proc/${String(look.peer.credentials.pid)}/exe`);
      assert.deepEqual([link, statSync(link).ino], [`/proc/${String(look.peer.credentials.pid)}/cwd/git`, look.peer.image?.exe.ino && Number(look.peer.image.exe.ino)], 'the attack itself');
      assert.deepEqual([look.state('unix:path'), look.value('unix:exe-state'), look.value('container:exe-path')], ['absent', 'elsewhere', link]);
    });

    it('T5: nor has one the path that its link says a moment after another was looked at, while its mount is moved about', async () => {
      const [here, there] = [stage.at('here'), stage.at('there')];
      for (const folder of [here, there]) mkdirSync(folder);
      own(compiled('puppet'), 'here/git');
      const move = `until [ "$(readlink /proc/$$/exe)" = ${here}/git ]; do :; done; while kill -0 $$; do mount --move ${here} ${there}; mount --move ${there} ${here}; done`;
      const puppet = stage.start('/usr/bin/unshare', ['-U', '-r', '-m', '/bin/sh', '-c', `mount --bind ${here} ${here} && { { ${move}; } > /dev/null 2>&1 & exec ${here}/git "$0"; }`, stage.socketPath], { uid: SOMEBODY, env: { PATH: '/usr/bin:/bin' } });
      await puppet.expect('ready');
      const [socket] = await Promise.all([stage.accepted(), puppet.tell('connect')]);
      const seen = new Map<string, number>();
      for (let looks = 0; looks < 40 || !seen.has(`linked ${here}/git`) || !seen.has('elsewhere '); looks += 1) {
        const fresh = new Attesting();
        const look = await fresh.look(socket, KEYS);
        await fresh.close();
        const said = `${String(look.value('unix:exe-state'))} ${look.state('unix:path') === 'present' ? String(look.value('unix:path')) : ''}`;
        seen.set(said, (seen.get(said) ?? 0) + 1);
      }
      assert.deepEqual([...seen.keys()].filter((said) => said.includes(there)), [], JSON.stringify([...seen]));
    });

    it('T5: the same file seen from another mount namespace keeps its path', async () => {
      const target = stage.install(compiled('puppet'), 'git');
      const look = await inNamespace(`exec ${target} "$0"`);
      assert.deepEqual([look.value('unix:path'), look.value('unix:exe-state'), look.state('container:exe-path')], [target, 'linked', 'absent']);
    });
  });

  describe('T6: files that are gone', () => {
    it('T6: a deleted program has no path, and its digest stays', async () => {
      const program = own(compiled('puppet'), 'gone');
      const look = await lookAtPuppet(program, () => { unlinkSync(program); });
      assert.deepEqual([look.state('unix:path'), look.value('unix:exe-state'), look.value('unix:sha256')], ['absent', 'deleted', digestOf(compiled('puppet'))]);
    });

    it('T6: a file that was put where the link of a deleted one seems to lead does not become its path', async () => {
      const program = own(compiled('puppet'), 'gone');
      const look = await lookAtPuppet(program, () => {
        unlinkSync(program);
        own(compiled('puppet'), 'gone (deleted)');
      });
      assert.deepEqual([look.state('unix:path'), look.value('unix:exe-state')], ['absent', 'deleted']);
    });

    it('T6: a file that is literally named so is a file like any other', async () => {
      const program = own(compiled('puppet'), 'x (deleted)');
      const look = await lookAtPuppet(program);
      assert.deepEqual([look.value('unix:path'), look.value('unix:exe-state')], [program, 'linked']);
    });

    it('T6: an upgraded program has no path: what runs is not what the path holds', async () => {
      const program = own(compiled('puppet'), 'git');
      const look = await lookAtPuppet(program, () => { renameSync(own(compiled('keeper'), 'new'), program); });
      assert.deepEqual([look.state('unix:path'), look.value('unix:exe-state'), look.value('unix:sha256')], ['absent', 'deleted', digestOf(compiled('puppet'))]);
    });

    it('T6: a program that was moved aside while another took its path is known by where it is now', async () => {
      const program = own(compiled('puppet'), 'git');
      const look = await lookAtPuppet(program, () => {
        renameSync(program, stage.at('git.old'));
        own(compiled('keeper'), 'git');
      });
      assert.equal(look.value('unix:path'), stage.at('git.old'));
    });

    it('T6: so is one that was known before its folder was moved, after a second at most', async () => {
      mkdirSync(stage.at('bin'));
      const program = own(compiled('puppet'), 'bin/git');
      const { socket } = await stage.connectedPuppet({ program, uid: SOMEBODY });
      assert.equal((await attesting.look(socket, KEYS)).value('unix:path'), program);
      renameSync(stage.at('bin'), stage.at('bin.old'));
      mkdirSync(stage.at('bin'));
      own(compiled('keeper'), 'bin/git');
      while ((await attesting.look(socket, KEYS)).value('unix:path') !== stage.at('bin.old/git')) await passed(50);
    });

    it('T6: a program whose name was removed while it has another is replaced, not deleted', async () => {
      const program = own(compiled('puppet'), 'git');
      linkSync(program, stage.at('git.kept'));
      const look = await lookAtPuppet(program, () => { unlinkSync(program); });
      assert.deepEqual([look.state('unix:path'), look.value('unix:exe-state')], ['absent', 'replaced']);
    });

    it('T6: a symlink put in place of the program leads to another file, and is no path of it', async () => {
      const program = own(compiled('puppet'), 'git');
      const look = await lookAtPuppet(program, () => {
        unlinkSync(program);
        symlinkSync(compiled('keeper'), program);
      });
      assert.equal(look.state('unix:path'), 'absent');
    });

    it('T6: a memfd has a state of its own, and a digest, whatever it is called', async function () {
      needProgram(this, PYTHON);
      const script = `import os,sys
fd=os.memfd_create("/usr/bin/git",os.MFD_CLOEXEC)
os.write(fd,open(sys.argv[1],"rb").read())
os.execv("/proc/self/fd/%d"%fd,["git",sys.argv[2]])`;
      const puppet = stage.start(PYTHON, ['-c', script, compiled('puppet'), stage.socketPath], { uid: SOMEBODY });
      await puppet.expect('ready');
      const [socket] = await Promise.all([stage.accepted(), puppet.tell('connect')]);
      const look = await attesting.look(socket, KEYS);
      assert.deepEqual([look.state('unix:path'), look.value('unix:exe-state'), look.value('unix:sha256')], ['absent', 'memfd', digestOf(compiled('puppet'))]);
    });
  });

  describe('T11: injection into an allowed program', () => {
    const arguments_ = (): readonly string[] => ['-u', `UNIX-CONNECT:${stage.socketPath}`, '-'];
    before(function () { needProgram(this, SOCAT); });

    it('T11: without injection, the program and its libraries are worth the tier `image`', async () => {
      const look = await lookAt(SOCAT, arguments_());
      assert.deepEqual([look.value('unix:path'), look.tier('unix:path'), look.tier('unix:sha256'), look.value('unix:image')], [SOCAT, 'image', 'image', 'verified']);
    });

    it('T11: a preloaded library of the user lowers the program to `image-unverified`', async () => {
      const library = own(compiled('preload', 'library'), 'preload.so');
      const look = await lookAt(SOCAT, arguments_(), { env: { LD_PRELOAD: library } });
      assert.deepEqual([look.value('unix:path'), look.tier('unix:path'), look.tier('unix:sha256'), look.value('unix:image')], [SOCAT, 'image-unverified', 'image-unverified', 'foreign']);
    });

    it('T11: so does a library of root\'s that a group may write', async () => {
      const library = stage.install(compiled('preload', 'library'), 'preload.so');
      chmodSync(library, 0o775);
      assert.equal((await lookAt(SOCAT, arguments_(), { env: { LD_PRELOAD: library } })).value('unix:image'), 'foreign');
    });

    it('T11: and a library of root\'s that was replaced under its name', async () => {
      const library = own(compiled('preload', 'library'), 'preload.so');
      const peer = stage.start(SOCAT, arguments_(), { uid: SOMEBODY, env: { LD_PRELOAD: library } });
      const socket = await stage.accepted();
      unlinkSync(library);
      stage.install(compiled('preload', 'library'), 'preload.so');
      assert.equal((await attesting.look(socket, KEYS)).value('unix:image'), 'foreign');
      await peer.kill();
    });

    it('T5, T11: and one of the user\'s that stands under the name of one of root\'s in a mount namespace of their own', async function () {
      needUserNamespaces(this);
      const trusted = stage.install(compiled('preload', 'library'), 'trusted.so');
      const evil = own(compiled('preload', 'library'), 'evil.so');
      const script = `mount --bind ${evil} ${trusted} && LD_PRELOAD=${trusted} exec ${SOCAT} -u UNIX-CONNECT:${stage.socketPath} -`;
      const look = await lookAt('/usr/bin/unshare', ['-U', '-r', '-m', '/bin/sh', '-c', script], { env: { PATH: '/usr/bin:/bin' } });
      assert.match(readFileSync(`/proc/${String(look.peer.credentials.pid)}/maps`, 'utf8'), new RegExp(` r-xp .* ${trusted}$`, 'm'), 'the attack itself');
      assert.deepEqual([look.value('unix:path'), look.tier('unix:path'), look.value('unix:image')], [SOCAT, 'image-unverified', 'foreign']);
    });

    it('T11: a preloaded library that only root can write stays verified', async () => {
      const look = await lookAt(SOCAT, arguments_(), { env: { LD_PRELOAD: compiled('preload', 'library') } });
      assert.deepEqual([look.tier('unix:path'), look.value('unix:image')], ['image', 'verified']);
    });

    it('T11: a tracer is seen, and who it is', async () => {
      const { puppet, socket } = await stage.connectedPuppet({ uid: SOMEBODY });
      const mayTrace = ['0', undefined].includes(sysctl('kernel/yama/ptrace_scope'));
      assert.equal((await attesting.look(socket, ['linux:tracer'])).state('linux:tracer'), 'absent');
      const tracer = stage.start(compiled('tracer'), [String(puppet.pid)], mayTrace ? { uid: SOMEBODY } : {});
      await tracer.expect('ready');
      assert.equal((await attesting.look(socket, ['linux:tracer'])).value('linux:tracer'), tracer.pid);
    });
  });

  describe('code that only the process can vouch for', () => {
    it('T4: node is a just-in-time compiler, and worth `image-unverified`', async () => {
      const script = `require('net').connect(${JSON.stringify(stage.socketPath)})`;
      const look = await lookAt(process.execPath, ['-e', script]);
      assert.deepEqual([look.value('unix:path'), look.tier('unix:path'), look.value('unix:image')], [realpathSync(process.execPath), 'image-unverified', 'jit']);
    });

    it('T4: anonymous executable memory is seen in any program', async () => {
      const puppet = await stage.puppet({ uid: SOMEBODY });
      await puppet.tell('jit');
      const [socket] = await Promise.all([stage.accepted(), puppet.tell('connect')]);
      assert.equal((await attesting.look(socket, KEYS)).value('unix:image'), 'jit');
    });

    it('T12: a script\'s program is its interpreter; the script is only what the peer says', async function () {
      needProgram(this, PYTHON);
      const script = stage.at('hostile.py');
      writeFileSync(script, 'import socket,sys,time\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\ntime.sleep(1000)\n');
      stage.start(PYTHON, [script, stage.socketPath], { uid: SOMEBODY });
      const look = await attesting.look(await stage.accepted(), [...KEYS, 'process:arg']);
      assert.deepEqual([look.value('unix:path'), look.tier('unix:path'), look.tier('process:arg')], [realpathSync(PYTHON), 'image', 'peer-asserted']);
      assert.ok(look.values('process:arg').includes(script));
    });

    it('T4: an interpreter that loaded a library of the user is worth `image-unverified`', async function () {
      needProgram(this, PYTHON);
      const library = own(compiled('preload', 'library'), 'native.so');
      const script = `import socket,time,ctypes\nctypes.CDLL(${JSON.stringify(library)})\ns=socket.socket(socket.AF_UNIX)\ns.connect(${JSON.stringify(stage.socketPath)})\ntime.sleep(1000)`;
      const look = await lookAt(PYTHON, ['-c', script]);
      assert.deepEqual([look.tier('unix:path'), look.value('unix:image')], ['image-unverified', 'foreign']);
    });
  });

  describe('T21: hostile paths', () => {
    for (const [title, name] of [['a newline', 'a\nb'], ['terminal escapes', '\u001b[31mred\u001b[0m'], ['quotes and blanks', 'a "b" \'c\'']] as const) {
      it(`T21: a path with ${title} is the path as it is`, async () => {
        const program = stage.install(compiled('puppet'), name);
        const look = await lookAtPuppet(program);
        assert.deepEqual([look.value('unix:path'), look.value('unix:image')], [program, 'verified']);
      });
    }

    it('T21: a path that is not UTF-8 is unknown, never a guess, and the digest stays', async () => {
      const program = Buffer.concat([Buffer.from(stage.at('git')), Buffer.from([0xff, 0xfe])]);
      copyFileSync(compiled('puppet'), program);
      chmodSync(program, 0o755);
      // Node's spawn takes text only: a shell knows the bytes.
      const puppet = stage.start('/bin/sh', ['-c', `exec ${stage.at('git')}* ${stage.socketPath}`], { uid: SOMEBODY });
      await puppet.expect('ready');
      const [socket] = await Promise.all([stage.accepted(), puppet.tell('connect')]);
      const look = await attesting.look(socket, KEYS);
      assert.deepEqual([look.state('unix:path'), look.value('unix:exe-state')], ['unknown undecodable', 'linked']);
      assert.equal(look.value('unix:sha256'), digestOf(compiled('puppet')));
      // So also by the text of the maps, as kernels before 6.11 have it.
      const byText = new Attesting({ without: { procmapQuery: false, uniquePidfdInodes: false } });
      assert.equal((await byText.look(socket, KEYS)).value('unix:sha256'), look.value('unix:sha256'));
      await byText.close();
    });

    it('T21: a path longer than the kernel tells is unknown, never cut short', async function () {
      needProgram(this, PYTHON);
      const script = `import os,shutil,sys
os.chdir(sys.argv[1])
for step in range(20): os.mkdir("d"*250); os.chdir("d"*250)
shutil.copy(sys.argv[2],"p")
os.execv("./p",["./p",sys.argv[3]])`;
      mkdirSync(stage.at('deep'));
      chownSync(stage.at('deep'), SOMEBODY, SOMEBODY);
      const puppet = stage.start(PYTHON, ['-c', script, stage.at('deep'), compiled('puppet'), stage.socketPath], { uid: SOMEBODY });
      await puppet.expect('ready');
      const [socket] = await Promise.all([stage.accepted(), puppet.tell('connect')]);
      assert.equal((await attesting.look(socket, KEYS)).state('unix:path'), 'unknown limit');
    });
  });
});

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
