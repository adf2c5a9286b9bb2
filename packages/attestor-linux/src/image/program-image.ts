import { unknown, type Fd, type Unknown } from '@portcullis/core';
import { AT_FDCWD } from '../ffi/constants.js';
import { leadsNowhere, SysFailure } from '../ffi/errno.js';
import { closeFd, cPath, openRead, readAt } from '../ffi/file.js';
import { libc } from '../ffi/libc.js';
import { fileSystemOf, samePath, sameFile, statPath, type FileIdentity } from '../ffi/statx.js';
import type { LinuxPeer } from '../peer.js';
import { decodeText } from '../proc/decode.js';
import { lookAtCode, type Code } from './code.js';
import { unknownOf } from '../unknown-of.js';
import { isPinnedMemoryAlive } from './memory.js';

/** What kind of file the program runs from. `elsewhere`: its path belongs to another mount namespace (T5, T6). */
export type ExeState = 'linked' | 'deleted' | 'memfd' | 'replaced' | 'elsewhere';

/** How long a look at the mappings and at the auxiliary vector serves for further connections of the same image. */
const LOOK_SERVES_MS = 1000;

const link = Buffer.allocUnsafeSlow(4096);
const scratch = Buffer.allocUnsafeSlow(2048);
const MEMFD = '/memfd:';
const SLASH = 0x2f;
const NUL = Buffer.alloc(1);

/**
 * One program image: a process between two execs. The open `maps` descriptor pins its memory (after an exec it reads
 * nothing), the exe link and the auxiliary vector tell an exec even where somebody keeps the old memory alive (T2).
 */
export class ProgramImage {
  readonly exe: FileIdentity;
  /** What the exe link says, decoded strictly; undefined when that is not UTF-8 or too long. */
  readonly linkText: string | undefined;
  readonly state: ExeState;
  readonly #folder: string;
  readonly #exePath: Uint8Array;
  readonly #auxvPath: Uint8Array;
  readonly #looked: Looked;
  #code: Code | Unknown | undefined;
  #codeAtMs = 0;
  #auxvAtMs = performance.now();
  #users = 1;

  /** Use `ProgramImage.look`. */
  private constructor(folder: string, looked: Looked) {
    this.#folder = folder;
    this.#exePath = cPath(`${folder}/exe`);
    this.#auxvPath = cPath(`${folder}/auxv`);
    this.#looked = looked;
    this.exe = looked.exe;
    this.linkText = looked.linkText;
    this.state = looked.where.state;
  }

  /** Looks at the image that the pinned peer runs now. The caller is its first user. */
  static look(peer: LinuxPeer): ProgramImage | Unknown {
    const folder = peer.procFolder();
    if (typeof folder !== 'string') return folder;
    // The memory is pinned first: whatever is read of another image afterwards is caught by `changed`.
    const maps = openRead(cPath(`${folder}/maps`), `${folder}/maps`);
    if (maps instanceof SysFailure) return peer.unknownOf(maps);
    const looked = lookBehind(peer, folder, maps);
    if ('maps' in looked) return new ProgramImage(folder, looked);
    closeFd(maps);
    return looked;
  }

  /** What the executable mappings say; looked at again when the last look is older than a second. */
  code(): Code | Unknown {
    const now = performance.now();
    if (this.#code === undefined || now - this.#codeAtMs > LOOK_SERVES_MS) {
      this.#code = lookAtCode(this.#folder, this.#looked.maps, this.exe, this.#looked.procmapQuery);
      this.#codeAtMs = now;
    }
    return this.#code;
  }

  /**
   * Why this is not the image that the process runs now, or undefined when it is: the pinned memory is alive, the exe link
   * leads to the same unchanged file, and so does the path. An exec of the *same* file whose old memory somebody kept alive
   * (T2) shows in the auxiliary vector alone, which was looked at no more than a second ago, or is looked at `now`.
   */
  changed(look: 'recent' | 'now' = 'recent'): string | undefined {
    const { maps, where, auxv, procmapQuery } = this.#looked;
    if (!isPinnedMemoryAlive(maps, procmapQuery)) return 'the memory that was looked at is gone: the process ran another program';
    if (!samePath(this.#exePath, this.exe)) return 'the exe link leads to another file, or the file changed';
    if (where.hostPath !== undefined && !samePath(where.hostPath, this.exe)) return 'the path leads to another file';
    const now = performance.now();
    if (look === 'recent' && now - this.#auxvAtMs < LOOK_SERVES_MS) return undefined;
    const size = readAuxv(this.#auxvPath);
    const same = size !== undefined && size === auxv.length && auxv.compare(scratch, 0, size) === 0;
    if (!same) return 'the process ran another program while its old memory was kept';
    this.#auxvAtMs = now;
    return undefined;
  }

  /** A descriptor of the exe's content; the caller closes it. The file behind it is the one that `exe` describes. */
  openContent(peer: LinuxPeer): Fd | Unknown {
    const fd = openRead(this.#exePath, `${this.#folder}/exe`);
    return fd instanceof SysFailure ? peer.unknownOf(fd) : fd;
  }

  /** What kind of file system the exe is on, by linux/magic.h. */
  fileSystem(): number | SysFailure {
    return fileSystemOf(this.#exePath, `${this.#folder}/exe`);
  }

  use(): this {
    this.#users += 1;
    return this;
  }

  /** The last user closes the descriptor. */
  letGo(): void {
    this.#users -= 1;
    if (this.#users === 0) closeFd(this.#looked.maps);
  }
}

/** What one look found, all of one memory if `changed` says so afterwards. */
interface Looked {
  readonly exe: FileIdentity;
  readonly linkText: string | undefined;
  readonly where: Where;
  readonly maps: Fd;
  /** The auxiliary vector: AT_RANDOM and the load addresses differ with every exec, as far as addresses are random. */
  readonly auxv: Buffer;
  readonly procmapQuery: boolean;
}

function lookBehind(peer: LinuxPeer, folder: string, maps: Fd): Looked | Unknown {
  const exePath = cPath(`${folder}/exe`);
  const exe = statPath(exePath, `${folder}/exe`);
  if (exe instanceof SysFailure) return peer.unknownOf(exe);
  const length = libc().readlinkat(AT_FDCWD, exePath, link, link.length);
  if (length < 0) return peer.unknownOf(new SysFailure(`readlinkat(AT_FDCWD, "${folder}/exe")`, libc().errno()));
  const whole = length < link.length ? link.subarray(0, length) : undefined;
  const linkText = whole && decodeText(whole);
  const where = whereIs(peer, folder, exe, whole);
  if ('why' in where) return where;
  const size = readAuxv(cPath(`${folder}/auxv`));
  if (size === undefined) return unknown('system-error', `${folder}/auxv cannot be read`);
  const auxv = Buffer.from(scratch.subarray(0, size));
  return { exe, linkText, where, maps, auxv, procmapQuery: peer.capabilities.procmapQuery };
}

interface Where {
  readonly state: ExeState;
  /** The path seen from our root, where it leads to the very file. */
  readonly hostPath: Uint8Array | undefined;
}

/** T5, T6: a path counts only if it leads from our root to the file that runs; the link count tells what was deleted, not the text. */
function whereIs(peer: LinuxPeer, folder: string, exe: FileIdentity, text: Buffer | undefined): Where | Unknown {
  if (exe.links === 0) return { state: text?.indexOf(MEMFD) === 0 ? 'memfd' : 'deleted', hostPath: undefined };
  if (text?.[0] === SLASH) {
    // Its bytes, since a path need not be UTF-8.
    const hostPath = Buffer.concat([text, NUL]);
    const file = statPath(hostPath, 'the exe link');
    if (file instanceof SysFailure) {
      if (!leadsNowhere(file)) return unknownOf(file); // not looked at is not absent (I4)
    } else if (sameFile(file, exe)) return { state: 'linked', hostPath };
  }
  const namespace = statPath(cPath(`${folder}/ns/mnt`), `${folder}/ns/mnt`);
  if (namespace instanceof SysFailure) return peer.unknownOf(namespace);
  return { state: namespace.ino === peer.capabilities.namespaces.get('mnt') ? 'replaced' : 'elsewhere', hostPath: undefined };
}

/** Reads the auxiliary vector into `scratch`; undefined when there is none, or more than fits. */
function readAuxv(path: Uint8Array): number | undefined {
  const fd = openRead(path, 'auxv');
  if (fd instanceof SysFailure) return undefined;
  const size = readAt(fd, scratch, 0);
  closeFd(fd);
  return typeof size === 'number' && size > 0 && size < scratch.length ? size : undefined;
}
