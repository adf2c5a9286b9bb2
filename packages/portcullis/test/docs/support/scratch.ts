import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, type Page } from './pages.js';

/** An empty folder of our own, and one on PATH that has the `portcullis` command in it. */
export class Scratch {
  readonly folder: string;
  readonly bin: string;
  readonly #root: string;

  constructor() {
    this.#root = realpathSync(mkdtempSync(join(tmpdir(), 'portcullis-docs-')));
    this.folder = join(this.#root, 'work');
    this.bin = join(this.#root, 'bin');
    mkdirSync(this.folder, { mode: 0o700 });
    mkdirSync(this.bin);
    symlinkSync(join(ROOT, 'packages/portcullis/bin/portcullis.js'), join(this.bin, 'portcullis'));
    symlinkSync(process.execPath, join(this.bin, 'node'));
    // As if the packages had been installed: Node and npm look in the folders above.
    symlinkSync(join(ROOT, 'node_modules'), join(this.#root, 'node_modules'));
  }

  close(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** Files that a page shows, by the name that it gives them: ` ```yaml file=policy.yaml `. */
export function writeFiles({ blocks }: Page, scratch: Scratch): void {
  for (const { words, text } of blocks) {
    const name = words.find((word) => word.startsWith('file='))?.slice('file='.length);
    if (name !== undefined) writeFileSync(join(scratch.folder, name), text);
  }
}
