import { closeSync, lstatSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PortcullisError } from '@portcullis/core';

/**
 * Writes files into a folder, which is made where it is not there: all of them, or none. What is there already stays as it
 * is, a link that leads nowhere too.
 * @throws PortcullisError `REPORT_WRITE`
 */
export function writeNewFiles(folder: string, files: ReadonlyMap<string, string>): void {
  const made: string[] = [];
  try {
    const there = [...files.keys()].filter((name) => lstatSync(join(folder, name), { throwIfNoEntry: false }) !== undefined);
    if (there.length > 0) throw new Error(`nothing is overwritten, and there is \`${there.join('`, `')}\` already`);
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of files) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      // Refuses to write to what was put there meanwhile, and follows no link.
      const fd = openSync(path, 'wx', 0o644);
      made.push(path);
      try {
        writeFileSync(fd, text);
      } finally {
        closeSync(fd);
      }
    }
  } catch (cause) {
    for (const path of made) rmSync(path, { force: true });
    throw new PortcullisError('REPORT_WRITE', `cannot write to \`${folder}\``, { cause, facts: { path: folder } });
  }
}
