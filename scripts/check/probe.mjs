// Runs inside a folder where the packed packages were installed, under whichever node is asked about: imports every
// entry of every package that is named, asks the command for its version, and has it write a plugin. Prints one line.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const manifestOf = (name) => JSON.parse(readFileSync(join(import.meta.dirname, 'node_modules', name, 'package.json'), 'utf8'));

let entries = 0;
for (const name of process.argv.slice(2)) {
  const manifest = manifestOf(name);
  for (const subpath of Object.keys(manifest.exports)) {
    if (/\*|\.json$/.test(subpath)) continue;
    const specifier = `${name}${subpath.slice(1)}`;
    const exported = Object.keys(await import(specifier));
    if (exported.length === 0) throw new Error(`${specifier} exports nothing`);
    entries += 1;
  }
  for (const [command, path] of Object.entries(manifest.bin ?? {})) {
    const file = join(import.meta.dirname, 'node_modules', name, path);
    const printed = execFileSync(process.execPath, [file, '--version'], { encoding: 'utf8' }).trim();
    if (printed !== manifest.version) throw new Error(`${command} --version printed ${JSON.stringify(printed)}`);
    // From files of the tarball: one that was left out of it fails here.
    execFileSync(process.execPath, [file, 'init', '--attestor', 'probe', join(import.meta.dirname, `plugin-${process.version}`)]);
  }
}
process.stdout.write(`node ${process.version}: ${entries} entries imported\n`);
