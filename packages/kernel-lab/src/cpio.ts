/** One member of an archive: always root's. A mode has the type of the file in it, as in `st_mode`. */
export interface Member {
  /** Without a leading slash. */
  readonly path: string;
  readonly mode: number;
  /** A file's content, or where a link leads. */
  readonly data?: Uint8Array;
  /** When it was changed, in seconds: python's compiled files are only good with their source's. */
  readonly mtime?: number;
}

export const FOLDER = 0o040000;
export const FILE = 0o100000;
export const LINK = 0o120000;

const HEADER_BYTES = 110;

/**
 * Members as an initial ram file system takes them: cpio "newc" (Documentation/driver-api/early-userspace/buffer-format.rst).
 * The kernel unpacks several archives that follow each other as one, each member after its folder.
 */
export function* cpio(members: Iterable<Member>): Generator<Uint8Array> {
  let inode = 1;
  for (const one of members) yield* member(one, inode++);
  yield* member({ path: 'TRAILER!!!', mode: 0 }, 0);
}

function* member({ path, mode, data, mtime }: Member, inode: number): Generator<Uint8Array> {
  const name = Buffer.from(`${path}\0`);
  const size = data?.length ?? 0;
  // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [inode, mode, 0, 0, 1, mtime ?? 0, size, 0, 0, 0, 0, name.length, 0];
  yield Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  yield name;
  yield padding(HEADER_BYTES + name.length);
  if (data === undefined) return;
  yield data;
  yield padding(size);
}

function padding(size: number): Uint8Array {
  return new Uint8Array((4 - (size % 4)) % 4);
}
