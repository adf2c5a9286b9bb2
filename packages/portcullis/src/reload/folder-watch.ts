import { readlinkSync, watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';
import { realPathOf } from '../real-path.js';

/**
 * Watches folders and tells of any change in them. Folders, since a watch on a file goes blind after the first rename over
 * it; and where a folder itself is a link, the one that it lies in too. A folder that cannot be watched is left to whoever looks at the files from time to time.
 */
export class FolderWatch {
  readonly #changed: () => void;
  /** By real path: a watch stays with the folder that a link led to. */
  readonly #watchers = new Map<string, FSWatcher>();

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** From now on exactly these. */
  set(folders: readonly string[]): void {
    const wanted = new Set(folders.flatMap(placesOf));
    for (const [folder, watcher] of this.#watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of wanted) if (!this.#watchers.has(folder)) this.#watch(folder);
  }

  close(): void {
    this.set([]);
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, this.#changed);
      watcher.on('error', () => { this.#lost(folder); });
      this.#watchers.set(folder, watcher);
    } catch {
      // gone, or no watches left: `PolicyReloader` looks at the stamps on a timer too
    }
  }

  #lost(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
    this.#changed();
  }
}

function placesOf(folder: string): readonly string[] {
  const place = realPathOf(folder);
  return isLink(folder) ? [place, realPathOf(dirname(folder))] : [place];
}

function isLink(path: string): boolean {
  try {
    return readlinkSync(path) !== '';
  } catch {
    return false; // no link, or not to be looked at
  }
}
