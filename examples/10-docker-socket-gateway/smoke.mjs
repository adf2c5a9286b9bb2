// Real containers of podman, made without a registry, and a real client in them: docker's, or podman's own.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const PODMAN = '/usr/bin/podman';
const BUSYBOX = '/bin/busybox';
const missing = process.geteuid() !== 0 ? 'it needs root' : [PODMAN, BUSYBOX, '/usr/sbin/runc'].filter((program) => !existsSync(program)).map((program) => `${program} is not there`)[0];
if (missing !== undefined) {
  console.log(`skipped: ${missing}`);
  process.exit(0);
}

const folder = mkdtempSync('/tmp/portcullis-example-');
const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: folder, XDG_RUNTIME_DIR: folder };
const store = ['--root', join(folder, 'store'), '--runroot', join(folder, 'run'), '--tmpdir', join(folder, 'tmp'), '--storage-driver', 'vfs', '--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--events-backend', 'none'];
const podman = (...args) => execFileSync(PODMAN, [...store, ...args], { env, encoding: 'utf8', timeout: 40_000, stdio: ['ignore', 'pipe', 'pipe'] }).trim();

/** A root file system of busybox and a container of it. What else a client needs is the host's, mounted. */
function makeImage() {
  const root = join(folder, 'image');
  mkdirSync(join(root, 'bin'), { recursive: true });
  copyFileSync(BUSYBOX, join(root, 'bin/busybox'));
  chmodSync(join(root, 'bin/busybox'), 0o755);
  symlinkSync('busybox', join(root, 'bin/sh'));
  execFileSync('/bin/tar', ['-C', root, '-cf', join(folder, 'image.tar'), '.']);
  podman('import', join(folder, 'image.tar'), 'demo');
}

const docker = ['/usr/local/bin/docker', '/usr/bin/docker'].find((program) => existsSync(program));
const client = docker === undefined ? [PODMAN, '--remote', '--url', 'unix:///gateway/docker.sock'] : [docker, '-H', 'unix:///gateway/docker.sock'];
const mounts = ['/usr', '/lib', '/lib64'].filter((path) => existsSync(path)).flatMap((path) => ['-v', `${path}:${path}:ro`]);

/** What the client in a new container prints, or complains of. */
async function call(label, ...args) {
  const line = ['run', '--rm', '--network', 'none', '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024', ...label.flatMap((one) => ['--label', one]), '-v', `${join(folder, 'gateway')}:/gateway`, ...mounts, 'demo', ...client, ...args];
  try {
    const { stdout } = await promisify(execFile)(PODMAN, [...store, ...line], { env, encoding: 'utf8', timeout: 40_000 });
    return { ok: true, text: stdout.trim() };
  } catch (error) {
    return { ok: false, text: `${error.stdout}${error.stderr}`.trim() };
  }
}

const running = [];
try {
  makeImage();
  const api = join(folder, 'api.sock');
  running.push(spawn(PODMAN, [...store, 'system', 'service', '--time', '0', `unix://${api}`], { env, stdio: 'ignore' }));
  while (!existsSync(api)) await sleep(20);
  mkdirSync(join(folder, 'gateway'), { mode: 0o755 });
  const gateway = spawn(process.execPath, ['server.mjs', join(folder, 'gateway/docker.sock'), api], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(gateway);
  const [line] = await once(createInterface(gateway.stdout), 'line');
  assert.match(line, /^listening/);

  const listed = await call(['docker-api.monitor=yes'], 'ps', '--format', '{{.Image}}');
  assert.deepEqual([listed.ok, listed.text], [true, 'localhost/demo:latest'], listed.text);
  console.log('admitted: a container with the label of a monitor lists containers');

  const images = await call(['docker-api.monitor=yes'], 'images');
  assert.ok(!images.ok && /may not call/.test(images.text), images.text);
  console.log('refused: the same container has no call for images, says the gateway');

  const twin = await call([], 'ps');
  assert.ok(!twin.ok, twin.text);
  console.log('refused: its twin without the label, at the gate');
} finally {
  for (const child of running) child.kill();
  try { podman('rm', '--all', '--force', '--time', '0'); } catch { /* nothing was made */ }
  for (let tries = 0; tries < 50; tries += 1) {
    try { rmSync(folder, { recursive: true, force: true }); break; } catch { await sleep(100); } // podman's helpers outlive it for a moment
  }
}
