import { watch, type FSWatcher } from 'node:fs';

/**
 * Watches folders and tells of any change in them. Folders, since a watch on a file goes blind after the first rename over
 * it. A folder that cannot be watched is left to whoever looks at the files from time to time.
 */
export class FolderWatch {
  readonly #changed: () => void;
  readonly #watchers = new Map<string, FSWatcher>();

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** From now on exactly these. */
  set(folders: readonly string[]): void {
    const wanted = new Set(folders);
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
