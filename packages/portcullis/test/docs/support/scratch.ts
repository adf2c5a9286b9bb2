import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './pages.js';

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
  }

  close(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}
