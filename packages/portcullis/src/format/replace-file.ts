import { closeSync, constants, fchmodSync, fchownSync, fsyncSync, fstatSync, openSync, realpathSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { PortcullisError } from '@portcullis/core';

const NEW_MODE = 0o644;

/**
 * Puts a new content in place of a file's, whole: a gateway that reads it meanwhile finds the old or the new, and never
 * half a policy. Mode and owner stay, and a new file is to be read by all; a symbolic link goes on leading to the file.
 * @throws PortcullisError `REPORT_WRITE`
 */
export function replaceFile(path: string, content: string | Uint8Array): void {
  let made: string | undefined;
  try {
    const before = statSync(path, { throwIfNoEntry: false });
    const real = before === undefined ? path : realpathSync(path);
    const aside = `${real}.${randomBytes(6).toString('hex')}.tmp`;
    const fd = openSync(aside, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    made = aside;
    try {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      const now = fstatSync(fd);
      if (before !== undefined && (now.uid !== before.uid || now.gid !== before.gid)) fchownSync(fd, before.uid, before.gid);
      fchmodSync(fd, before === undefined ? NEW_MODE : before.mode & 0o7777);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(aside, real);
  } catch (cause) {
    if (made !== undefined) rmSync(made, { force: true });
    throw new PortcullisError('REPORT_WRITE', `cannot write \`${path}\``, { cause, facts: { path } });
  }
}
