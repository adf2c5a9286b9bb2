import { existsSync, lstatSync, readFileSync, readlinkSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FILE, FOLDER, LINK, type Member } from './cpio.js';
import { lines, run } from './run.js';

const LDD = '/usr/bin/ldd';

/** The files of a guest, each after its folder. All root's, and writable by root alone. */
export class Tree {
  readonly #members = new Map<string, Member>();

  members(): Iterable<Member> {
    return this.#members.values();
  }

  folder(path: string, mode = 0o755): this {
    if (path === '/' || this.#members.has(path)) return this;
    this.folder(dirname(path));
    return this.#put(path, FOLDER | mode);
  }

  file(path: string, data: Uint8Array | string, mode = 0o644, mtime?: number): this {
    this.folder(dirname(path));
    return this.#put(path, FILE | mode, typeof data === 'string' ? Buffer.from(data) : data, mtime);
  }

  link(path: string, to: string): this {
    this.folder(dirname(path));
    return this.#put(path, LINK | 0o777, Buffer.from(to));
  }

  /** A program of this system under its own path, and the libraries that it loads. */
  program(path: string): this {
    if (!existsSync(path)) return this;
    return this.file(path, readFileSync(path), 0o755).librariesOf(path);
  }

  /** What the dynamic loader loads with a program or a library. */
  librariesOf(path: string): this {
    for (const library of neededLibraries(path)) this.file(library, readFileSync(library), 0o755);
    return this;
  }

  /** A folder of this system with all that is in it, under another path. Links keep what they say. */
  copy(from: string, to: string, wanted: (path: string) => boolean = () => true): this {
    this.folder(to);
    for (const entry of readdirSync(from, { withFileTypes: true })) {
      const [source, target] = [join(from, entry.name), join(to, entry.name)];
      if (!wanted(source)) continue;
      if (entry.isSymbolicLink()) this.link(target, readlinkSync(source));
      else if (entry.isDirectory()) this.copy(source, target, wanted);
      else if (entry.isFile()) {
        const { mode, mtimeMs } = lstatSync(source);
        this.file(target, readFileSync(source), mode & 0o755, Math.floor(mtimeMs / 1000));
      }
    }
    return this;
  }

  #put(path: string, mode: number, data?: Uint8Array, mtime?: number): this {
    if (!this.#members.has(path)) this.#members.set(path, { path: path.slice(1), mode, ...(data && { data }), ...(mtime !== undefined && { mtime }) });
    return this;
  }
}

/** With the loader itself. A static program has none: ldd then fails. */
function neededLibraries(program: string): readonly string[] {
  let said: readonly string[];
  try {
    said = lines(run(LDD, [program]));
  } catch {
    return [];
  }
  const paths = said.flatMap((line) => /(?:=> |^\s*)(\/\S+) \(0x/.exec(line)?.[1] ?? []);
  // Where /lib is a link to usr/lib, a guest has that link too: the file stands under its real folder.
  return paths.map((path) => join(realpathSync(dirname(path)), path.slice(path.lastIndexOf('/') + 1)));
}
