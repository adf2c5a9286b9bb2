import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { compileInto } from '../../attestor-linux/dist-test/support/compile.js';
import { installedClosure } from './node-modules.js';
import { lines, run } from './run.js';
import { Tree } from './tree.js';

const ROOT = join(import.meta.dirname, '../../..');
const BUSYBOX = '/usr/bin/busybox';

/** What the tests run besides busybox. What this system has not is left out, and its tests say so. */
const PROGRAMS = ['/usr/bin/unshare', '/usr/bin/setpriv', '/usr/bin/getent', '/usr/bin/socat', '/usr/bin/chrt', '/usr/bin/taskset'];
const PYTHON = '/usr/bin/python3';
const PACKAGES = ['core', 'attestor-linux', 'testkit', 'kernel-lab'];
const TEST_TOOLS = ['mocha', 'source-map-support', 'fast-check'];
const BUILT = ['dist', 'dist-test', 'package.json'];

/** Where the tests of the Linux attestor are, built. */
const TESTS = 'packages/attestor-linux/dist-test';

/** All the tests, by the folders and files that are in their own folder. */
export function testParts(): readonly string[] {
  const entries = readdirSync(join(ROOT, TESTS), { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.test.js')).map((entry) => relative(join(ROOT, TESTS), join(entry.parentPath, entry.name)));
  return [...new Set(files.map((file) => (file.includes('/') ? dirname(file).replace(/\/.*/, '') : file.replace(/\..*/, ''))))].sort();
}

/** Which of these names, of files and folders of the tests, lead to none. */
export function missingTests(names: readonly string[]): readonly string[] {
  return names.filter((name) => {
    const path = join(ROOT, TESTS, name);
    const files = existsSync(dirname(path)) ? readdirSync(dirname(path)) : [];
    return !existsSync(path) && !files.some((file) => file.startsWith(`${basename(path)}.`) && file.endsWith('.test.js'));
  });
}

/** All that every guest has in common. `peers` is a folder for the compiled programs of `test/peers`. */
export function guestTree(peers: string): Tree {
  const tree = new Tree();
  for (const path of ['/usr/bin', '/usr/sbin', '/usr/lib', '/usr/lib64', '/proc', '/sys', '/dev', '/run', '/root', '/mnt', '/verity']) tree.folder(path);
  for (const path of ['bin', 'sbin', 'lib', 'lib64']) tree.link(`/${path}`, `usr/${path}`);
  tree.folder('/tmp', 0o1777);
  for (const program of PROGRAMS) tree.program(program);
  tree.program(process.execPath);
  addPython(tree);
  tree.file('/usr/bin/busybox', readFileSync(BUSYBOX), 0o755);
  for (const applet of lines(run(BUSYBOX, ['--list-full']))) tree.link(`/usr/${applet.replace(/^usr\//, '')}`, '/usr/bin/busybox');
  tree.file('/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/false\nlab:x:1000:1000:lab:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n');
  tree.file('/etc/group', 'root:x:0:\ndaemon:x:1:\nlab:x:1000:\nnogroup:x:65534:\n');
  tree.file('/etc/subuid', ''); // as every system has one, and a test mounts its own over it
  tree.file('/etc/nsswitch.conf', 'passwd: files\ngroup: files\n');
  tree.file('/init', readFileSync(join(ROOT, 'packages/kernel-lab/guest/init')), 0o755);
  addPackages(tree);
  addPeers(tree, peers);
  return tree;
}

/** The repository, as far as it is built, under the path that it has here: source maps and messages then say the same. */
function addPackages(tree: Tree): void {
  for (const name of PACKAGES) {
    const folder = join(ROOT, 'packages', name);
    for (const entry of readdirSync(folder)) if (BUILT.includes(entry)) addEntry(tree, join(folder, entry));
    if (name === 'attestor-linux') for (const path of ['test/fixtures', 'test/peers']) tree.copy(join(folder, path), join(folder, path));
    if (name !== 'kernel-lab') tree.link(join(ROOT, 'node_modules/@portcullis', name), join('../../packages', name));
  }
  const needed = PACKAGES.flatMap((name) => installedClosure(dependenciesOf(name), join(ROOT, 'packages', name)));
  for (const folder of [...needed, ...installedClosure(TEST_TOOLS, ROOT)]) tree.copy(folder, folder, (path) => !/\.(md|map|d\.ts|d\.mts|d\.cts)$/.test(path));
  tree.file(join(ROOT, 'package.json'), readFileSync(join(ROOT, 'package.json')));
  tree.copy(join(ROOT, 'scripts/mocha'), join(ROOT, 'scripts/mocha'));
}

/** What one of our packages needs of others. */
function dependenciesOf(name: string): readonly string[] {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'packages', name, 'package.json'), 'utf8')) as { readonly dependencies?: Record<string, string> };
  return Object.keys(dependencies ?? {}).filter((needed) => !needed.startsWith('@portcullis/'));
}

function addEntry(tree: Tree, path: string): void {
  if (path.endsWith('.json')) tree.file(path, readFileSync(path));
  else tree.copy(path, path, (inside) => !/\.(d\.ts|tsbuildinfo)$/.test(inside));
}

/** Python with its own library, without what belongs to no test of ours. */
function addPython(tree: Tree): void {
  const library = existsSync(PYTHON) ? `/usr/lib/${basename(realpathSync(PYTHON))}` : '';
  if (!existsSync(join(library, 'lib-dynload'))) return;
  tree.program(PYTHON).copy(library, library, (path) => !/\/(test|idlelib|tkinter|lib2to3|ensurepip|pydoc_data|unittest|turtledemo|config-[^/]*)$/.test(path));
  for (const name of readdirSync(join(library, 'lib-dynload'))) tree.librariesOf(join(library, 'lib-dynload', name));
}

/** A guest has no compiler: the programs of the tests come compiled. */
function addPeers(tree: Tree, folder: string): void {
  const sources = join(ROOT, 'packages/attestor-linux/test/peers');
  for (const source of readdirSync(sources).filter((name) => name.endsWith('.c'))) {
    const made = compileInto(folder, basename(source, '.c'), /\bmain\(/.test(readFileSync(join(sources, source), 'utf8')) ? 'program' : 'library');
    tree.file(join('/lab/peers', relative(folder, made)), readFileSync(made), 0o755);
  }
}
