import { readdirSync, realpathSync, statSync } from 'node:fs';

/** What identifies the content of a file without reading it. */
export interface FileStamp {
  readonly identity: string;
  /** The inode's change time (which nobody can set), milliseconds since the epoch; 0 for a file that cannot be looked at. */
  readonly changedMs: number;
}

/** Looks at a file now. A rename over it, a write, and a link that leads elsewhere all give another identity. */
export function stampFile(path: string): FileStamp {
  try {
    const real = realpathSync(path);
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(real, { bigint: true });
    return { identity: [real, dev, ino, size, mtimeNs, ctimeNs].join(' '), changedMs: Number(ctimeNs / 1_000_000n) };
  } catch (error) {
    return { identity: error instanceof Error && 'code' in error ? String(error.code) : 'unknown', changedMs: 0 };
  }
}

/** One text for the state of some files, where their folders are and which names these hold: a pattern may match a new one. */
export function stateOf(files: readonly string[], folders: readonly string[]): string {
  return [...files.map((file) => stampFile(file).identity), ...folders.map(namesIn)].join('\n');
}

function namesIn(folder: string): string {
  try {
    return [realpathSync(folder), ...readdirSync(folder).sort()].join('/');
  } catch {
    return '';
  }
}
