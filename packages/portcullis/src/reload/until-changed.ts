import { stampFile, stateOf } from './file-stamps.js';
import { FolderWatch } from './folder-watch.js';

/** Editors write several times: waited for until this long nothing happened. */
const QUIET_MS = 100;
/** For file systems that do not tell. Keeps the process alive, too. */
const LOOK_MS = 1_000;
/** The kernel's clock for inode times may lag behind ours by a tick of its timer. */
const CLOCK_LAG_MS = 20;

/** Files that were read, and folders in which a new file would be read too. */
export interface Watched {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** Resolves when one of the files looks other than it did when it was read, which was after `readSinceMs`. */
export function untilChanged({ files, folders }: Watched, readSinceMs: number): Promise<void> {
  return new Promise((resolve) => {
    let state = stateOf(files, folders);
    let quiet: NodeJS.Timeout | undefined;
    const end = (): void => {
      clearInterval(look);
      watch.close();
      resolve();
    };
    const settle = (): void => {
      clearTimeout(quiet);
      quiet = setTimeout(end, QUIET_MS);
    };
    const compare = (): void => {
      const now = stateOf(files, folders);
      if (now !== state) settle();
      state = now;
    };
    const watch = new FolderWatch(compare);
    const look = setInterval(compare, LOOK_MS);
    watch.set(folders);
    // Whether it was written before it was read, or after, cannot be told.
    if (files.some((file) => stampFile(file).changedMs >= readSinceMs - CLOCK_LAG_MS)) settle();
    else compare();
  });
}
