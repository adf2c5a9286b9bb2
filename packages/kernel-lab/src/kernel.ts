import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Suite } from './apt.js';
import { moduleName, moduleOrder } from './module-order.js';
import { run } from './run.js';
import { NEWEST_AT_LEAST, type Series } from './series.js';
import { isSince, versionOf, type Version } from './version.js';

const DPKG = '/usr/bin/dpkg';
const BUSYBOX = '/usr/bin/busybox';
/** Always the newest kernel of its suite. Built for virtual machines: few drivers, quick to boot. */
const META_PACKAGE = 'linux-image-cloud-amd64';

/** A Debian kernel, unpacked and never installed. */
export interface Kernel {
  readonly series: Series;
  /** `6.12.107+deb13-cloud-amd64` */
  readonly release: string;
  readonly version: Version;
  /** The image that QEMU boots. */
  readonly image: string;
  /** The modules of these names that are not built in, and what they need, in the order to load them. */
  modules(names: readonly string[]): readonly Uint8Array[];
}

/** Gets the newest kernel of a series into a folder of the cache; its packages are downloaded once. */
export function obtainKernel(series: Series, cache: string): Kernel {
  const suite = new Suite(series.suite, join(cache, series.suite));
  suite.update();
  const image = suite.dependencies(META_PACKAGE).find((name) => /^linux-image-[0-9]/.test(name));
  if (image === undefined) throw new Error(`\`${META_PACKAGE}\` of ${series.suite} depends on no kernel`);
  const release = image.slice('linux-image-'.length);
  const version = versionOf(release);
  const right = series.name === 'newest' ? isSince(version, NEWEST_AT_LEAST) : version === series.name;
  if (!right) throw new Error(`${series.suite} has Linux ${version}, not ${series.name === 'newest' ? `${NEWEST_AT_LEAST} or later` : series.name}`);
  // Debian has split its kernels into several packages since 7.0: the image, the modules, and what both need.
  const parts = suite.dependencies(image).filter((name) => name.startsWith('linux-') && name.endsWith(`-${release}`));
  const root = unpack([image, ...parts].map((name) => suite.download(name)), join(cache, series.suite, 'roots'));
  const folder = [`lib/modules/${release}`, `usr/lib/modules/${release}`].map((path) => join(root, path)).find((path) => existsSync(path));
  const vmlinuz = [join(root, `boot/vmlinuz-${release}`), ...(folder === undefined ? [] : [join(folder, 'vmlinuz')])].find((path) => existsSync(path));
  if (folder === undefined || vmlinuz === undefined) throw new Error(`no kernel of ${release} below \`${root}\``);
  return { series, release, version, image: vmlinuz, modules: (names) => moduleOrder(names, findIn(folder)) };
}

/** `dpkg -x` into one folder, named after the packages' files. */
function unpack(packages: readonly string[], roots: string): string {
  const root = join(roots, packages[0]?.replace(/^.*\//, '').replace(/\.deb$/, '') ?? '');
  rmSync(root, { recursive: true, force: true }); // a run that was stopped may have left half of it
  mkdirSync(root, { recursive: true });
  for (const path of packages) run(DPKG, ['-x', path, root]);
  return root;
}

function findIn(folder: string): (name: string) => Uint8Array | undefined {
  const paths = new Map(
    readdirSync(join(folder, 'kernel'), { recursive: true, encoding: 'utf8' }).filter((path) => /\.ko(\.xz)?$/.test(path)).map((path) => [moduleName(path), join(folder, 'kernel', path)]),
  );
  return (name) => {
    const path = paths.get(name);
    if (path === undefined) return undefined;
    return path.endsWith('.xz') ? run(BUSYBOX, ['unxz', '-c', path]) : readFileSync(path);
  };
}
