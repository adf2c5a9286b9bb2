// Installs what the tests run and this system lacks: on Debian and its relatives, as root. Elsewhere it says what is
// missing and goes on, since a test that lacks something skips itself and says why. Quick and silent when all is there.
// With the argument `kernels`: what `npm run test:kernels` needs.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const APT_GET = '/usr/bin/apt-get';

/** Package, the files that show that it is there, and what needs it. */
const NEEDED = [
  { name: 'curl', files: ['/usr/bin/curl'], for: 'a real http client over a Unix socket' },
  { name: 'socat', files: ['/usr/bin/socat'], for: 'passing raw bytes, as another user' },
  { name: 'python3', files: ['/usr/bin/python3'], for: 'peers that are not node, passed descriptors' },
  { name: 'dbus-daemon', files: ['/usr/bin/dbus-daemon'], for: 'a real message bus' },
  { name: 'python3-dbus', files: ['/usr/lib/python3/dist-packages/dbus/__init__.py'], for: 'a service on it, by another library' },
  { name: 'python3-gi', files: ['/usr/lib/python3/dist-packages/gi/__init__.py'], for: 'the same' },
  { name: 'gcc', files: ['/usr/bin/gcc'], for: 'the attacks, which are small C programs' },
  { name: 'libc6-dev', files: ['/usr/include/stdio.h'], for: 'the same' },
  { name: 'util-linux', files: ['/usr/bin/setpriv', '/usr/bin/unshare'], for: 'other users and namespaces' },
  { name: 'podman', files: ['/usr/bin/podman'], for: 'real containers' },
  { name: 'runc', files: ['/usr/sbin/runc'], for: 'the same' },
  { name: 'crun', files: ['/usr/bin/crun'], for: 'containers without a cgroup' },
  { name: 'uidmap', files: ['/usr/bin/newuidmap'], for: "a user's containers" },
  { name: 'busybox-static', files: ['/bin/busybox'], for: 'what is in the containers' },
  { name: 'btrfs-progs', files: ['/usr/sbin/mkfs.btrfs'], for: 'files whose maps have the numbers of another' },
  { name: 'zsh', files: ['/usr/bin/zsh'], for: 'completion in a real shell' },
  { name: 'fish', files: ['/usr/bin/fish'], for: 'the same' },
  { name: 'systemd', files: ['/usr/bin/systemd-analyze', '/usr/bin/systemd-socket-activate'], for: 'units, read as systemd reads them, and socket activation without a booted one' },
  { name: 'lsof', files: ['/usr/bin/lsof'], for: 'the records that lsof prints on macOS too' },
];

/** The kernel lab boots virtual machines, which nothing else here does. */
const NEEDED_FOR_KERNELS = [
  { name: 'qemu-system-x86', files: ['/usr/bin/qemu-system-x86_64'], for: 'the machines' },
  { name: 'busybox-static', files: ['/usr/bin/busybox'], for: 'what runs in them besides node' },
  { name: 'apparmor', files: ['/usr/sbin/apparmor_parser', '/etc/apparmor.d/abi/3.0'], for: 'a profile of AppArmor' },
  { name: 'checkpolicy', files: ['/usr/bin/checkpolicy'], for: 'a policy of SELinux' },
  { name: 'e2fsprogs', files: ['/usr/sbin/mkfs.ext4'], for: 'a file system with fs-verity' },
  ...NEEDED.filter(({ name }) => ['gcc', 'libc6-dev', 'util-linux', 'socat'].includes(name)),
];

const wanted = process.argv[2] === 'kernels' ? NEEDED_FOR_KERNELS : NEEDED;

const say = (text) => process.stdout.write(`system-packages: ${text}\n`);

/** Debian or one of its relatives, by os-release(5). */
function isDebianLike() {
  if (!existsSync(APT_GET) || !existsSync('/etc/os-release')) return false;
  const text = readFileSync('/etc/os-release', 'utf8');
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(text);
}

function aptGet(...args) {
  say(`apt-get ${args.join(' ')}`);
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  const { status, stdout, stderr } = spawnSync(APT_GET, args, {
    env: { ...proxies(), ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status !== 0) say(`apt-get ${args[0]} failed:\n${stdout}${stderr}`);
  return status === 0;
}

function proxies() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => /^(https?|no)_proxy$/i.test(name)));
}

const missing = () => wanted.filter(({ files }) => !files.every((file) => existsSync(file)));
const describe = (packages) => packages.map((entry) => `${entry.name} (${entry.for})`).join(', ');

function main() {
  if (process.platform !== 'linux') return; // what needs these runs on Linux only
  const lacking = missing();
  if (lacking.length === 0) return;
  say(`missing: ${describe(lacking)}`);
  if (!isDebianLike()) return say('no apt here: install them by hand, or their tests are skipped');
  if (process.getuid?.() !== 0) return say('not root: install them by hand, or their tests are skipped');
  const names = lacking.map(({ name }) => name);
  const installed = aptGet('update', '-q') && aptGet('install', '-q', '-y', '--no-install-recommends', ...names);
  const still = missing();
  if (!installed || still.length > 0) say(`still missing: ${describe(still)}; their tests are skipped`);
}

main();
