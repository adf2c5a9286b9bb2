import { performance } from 'node:perf_hooks'; // the global of that name is a getter, which costs something at every look
import { unknown, type Fd, type Unknown, type UnknownReason } from '@portcullis/core';
import { BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, F2FS_SUPER_MAGIC, FUSE_SUPER_MAGIC, O_NONBLOCK, OVERLAYFS_SUPER_MAGIC, XFS_SUPER_MAGIC } from '../ffi/constants.js';
import { EMFILE, ENFILE, ENOMEM, SysFailure } from '../ffi/errno.js';
import { closeAll, closeFd, cPath, openRead, readAt } from '../ffi/file.js';
import { isMemoryAlive } from '../ffi/pagemap.js';
import { fileSystemOf, inodeOf, sameFd, statFd, type FileIdentity } from '../ffi/statx.js';
import { countHeld } from '../held-descriptors.js';
import { lookBounded, openBounded, type Asker } from '../held-up/looks.js';
import type { LinuxPeer } from '../peer.js';
import { decodeText } from '../proc/decode.js';
import type { Code } from './code.js';
import { unknownOf } from '../unknown-of.js';
import type { ImageLook, Way } from './image-look.js';
import { isRootsOwn } from './root-only.js';

/** What kind of file the program runs from. `elsewhere`: its path belongs to another mount namespace (T5, T6). */
export type ExeState = 'linked' | 'deleted' | 'memfd' | 'replaced' | 'elsewhere';

/** Why an image is not known to be the one that runs. */
export interface ImageChange {
  readonly refused: 'peer-changed' | 'peer-unseen';
  readonly why: UnknownReason;
  readonly detail: string;
}

const ranAnother = (detail: string): ImageChange => ({ refused: 'peer-changed', why: 'peer-changed', detail });

/** How long a look at the mappings, at the exe link and at the auxiliary vector serves for further connections of the same image. */
const LOOK_SERVES_MS = 1000;

/** What this process, or this host, has run out of: a failed call by which nothing is known of the peer. */
const RUN_OUT: ReadonlySet<number> = new Set([EMFILE, ENFILE, ENOMEM]);

const scratch = Buffer.allocUnsafeSlow(2048);
/** File systems of disks, and those laid over them: what is read of a file while a process of it is held is of that process. */
const LASTING: ReadonlySet<number> = new Set([EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC]);
/** Of one image: its pagemap, and its file. */
const DESCRIPTORS = 2;
const MEMFD = '/memfd:';

let looks = 0;

/**
 * One program image: a process between two execs. The open `pagemap` descriptor pins its memory (after an exec it reads
 * nothing), the exe link and the auxiliary vector tell an exec even where somebody keeps the old memory alive (T2).
 */
export class ProgramImage {
  /** No other image has it. */
  readonly serial = String((looks += 1));
  readonly exe: FileIdentity;
  /** What the exe link says, decoded strictly; undefined when that is not UTF-8 or too long. */
  readonly linkText: string | undefined;
  readonly state: ExeState;
  readonly #folder: string;
  readonly #looked: Looked;
  #code: Code | Unknown;
  #codeAtMs = performance.now();
  #execAtMs = performance.now();
  #users = 1;

  /** Use `ProgramImage.look`. */
  private constructor(folder: string, looked: Looked) {
    this.#folder = folder;
    this.#looked = looked;
    this.#code = looked.code;
    this.exe = looked.exe;
    this.linkText = decodeText(looked.link);
    this.state = looked.state;
    countHeld(DESCRIPTORS);
  }

  /** Looks at the image that the pinned peer runs now. The caller is its first user. */
  static look(peer: LinuxPeer): ProgramImage | Unknown {
    const folder = peer.procFolder();
    if (typeof folder !== 'string') return folder;
    const { asker, capabilities: { procmapQuery } } = peer;
    const seen = lookBounded(asker, { folder, again: false, code: true, procmapQuery });
    if ('why' in seen) return seen;
    const looked = lookBehind(peer, folder, seen);
    closeAll([seen.auxv]);
    if ('pagemap' in looked) return new ProgramImage(folder, looked);
    closeAll([seen.pagemap, seen.exe]);
    return looked;
  }

  /** What the executable mappings say; looked at again when the last look is older than a second. */
  code(): Code | Unknown {
    if (performance.now() - this.#codeAtMs <= LOOK_SERVES_MS) return this.#code;
    const ran = this.#ranAnother(true);
    return ran === undefined ? this.#code : unknown(ran.why, ran.detail);
  }

  /**
   * Why this is not the image that the process runs now, or undefined when it is: the pinned memory is alive, and the file is
   * unchanged. Whether the exe link still leads to that file, and the auxiliary vector is the same, tells an exec beside memory
   * that somebody kept alive (T2); that, and whether the path leads to the file, was looked at no more than a second ago, or is `now`.
   */
  changed(look: 'recent' | 'now' = 'recent'): ImageChange | undefined {
    const { pagemap, exeFd } = this.#looked;
    if (!isMemoryAlive(pagemap)) return ranAnother('the memory that was looked at is gone: the process ran another program');
    if (!sameFd(exeFd, this.exe)) return ranAnother('the file that runs has changed');
    const now = performance.now();
    if (look === 'recent' && now - this.#execAtMs < LOOK_SERVES_MS) return undefined;
    return this.#ranAnother(look === 'recent');
  }

  /** Asks in one go whatever may wait: why another program runs, or undefined, and then what the mappings say if `code`. */
  #ranAnother(code: boolean): ImageChange | undefined {
    const { asker, auxv, procmapQuery } = this.#looked;
    const seen = lookBounded(asker, { folder: this.#folder, again: true, code, procmapQuery });
    if ('why' in seen) return { refused: 'peer-unseen', why: seen.why, detail: `it cannot be seen which program runs: ${seen.detail ?? seen.why}` };
    // On which layer the file lies could not be seen: that says nothing of the program.
    if (typeof seen.exe !== 'number' && seen.code !== undefined && 'why' in seen.code && seen.code.why !== 'foreign-code') {
      closeAll([seen.auxv]);
      return { refused: 'peer-unseen', why: seen.code.why, detail: `it cannot be seen which program runs: ${seen.code.detail ?? seen.code.why}` };
    }
    const failed = [seen.exe, seen.auxv, seen.way instanceof SysFailure ? seen.way : seen.way.leads].find((one): one is SysFailure => one instanceof SysFailure && RUN_OUT.has(one.errno));
    const sameExe = typeof seen.exe === 'number' && sameFd(seen.exe, this.exe);
    const size = typeof seen.auxv === 'number' ? readAuxv(seen.auxv) : undefined;
    closeAll([seen.exe, seen.auxv]);
    if (failed !== undefined) return { refused: 'peer-unseen', why: 'system-error', detail: `it cannot be seen which program runs: ${failed.toString()}` };
    if (!sameExe) return ranAnother('the exe link leads to another file, or the file changed');
    if (this.state === 'linked' && !leadsAsBefore(seen.way, this.#looked.link)) return ranAnother('the path leads to another file');
    const same = size !== undefined && size === auxv.length && auxv.compare(scratch, 0, size) === 0;
    if (!same) return ranAnother('the process ran another program while its old memory was kept');
    this.#execAtMs = performance.now();
    if (seen.code !== undefined) [this.#code, this.#codeAtMs] = [seen.code, this.#execAtMs];
    return undefined;
  }

  /**
   * A descriptor of the exe's content; the caller closes it. The file behind it is the one that `exe` describes. It may run no
   * more by now, and its owner may have taken a lease on it, which an open would wait for (T20): EAGAIN instead.
   */
  openContent(peer: LinuxPeer): Fd | Unknown {
    const path = `/proc/self/fd/${String(this.#looked.exeFd)}`;
    const fd = openRead(cPath(path), `${this.#folder}/exe`, O_NONBLOCK);
    return fd instanceof SysFailure ? peer.unknownOf(fd) : fd;
  }

  /**
   * For how long what was read of the exe is its content. Numbers and times need not tell of a write: a page that waits to be read into
   * takes it without a fault, as does one of memory, and an overlay lets a running file be written; and what has no disk leaves its device number
   * to the next that anybody mounts. `numbers`: as long as these are the same, since root alone may write it, where we are. `process`: for
   * this image, whose user can change its own process by other means too (T11). `moment`: not at all.
   */
  contentLasts(): 'numbers' | 'process' | 'moment' {
    const fileSystem = this.fileSystem();
    if (fileSystem instanceof SysFailure || fileSystem === FUSE_SUPER_MAGIC) return 'moment';
    if (isRootsOwn(this.exe) && this.state === 'linked') return 'numbers';
    return LASTING.has(fileSystem) ? 'process' : 'moment';
  }

  /** What kind of file system the exe is on, by linux/magic.h. */
  fileSystem(): number | SysFailure {
    return fileSystemOf(this.#looked.exeFd);
  }

  use(): this {
    this.#users += 1;
    return this;
  }

  /** The last user closes the descriptor. */
  letGo(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    closeAll([this.#looked.pagemap, this.#looked.exeFd]);
    countHeld(-DESCRIPTORS);
  }
}

/** What one look found, all of one memory if `changed` says so afterwards. */
interface Looked {
  readonly exe: FileIdentity;
  /** What the exe link said, and what was walked. */
  readonly link: Buffer;
  readonly state: ExeState;
  readonly pagemap: Fd;
  readonly code: Code | Unknown;
  /** The file that runs, by O_PATH: what is asked of it cannot be held up by an exec. */
  readonly exeFd: Fd;
  /** The auxiliary vector: AT_RANDOM and the load addresses differ with every exec, as far as addresses are random. */
  readonly auxv: Buffer;
  readonly procmapQuery: boolean;
  readonly asker: Asker;
}

function openOne(asker: Asker, path: string): Fd | SysFailure | Unknown {
  const opened = openBounded(asker, [{ path, flags: 0 }]);
  return 'why' in opened ? opened : (opened[0] ?? unknown('system-error', path));
}

function lookBehind(peer: LinuxPeer, folder: string, { auxv: vector, pagemap, exe: exeFd, code, way }: ImageLook): Looked | Unknown {
  if (pagemap instanceof SysFailure) return peer.unknownOf(pagemap);
  if (exeFd instanceof SysFailure) return code !== undefined && 'why' in code && code.why === 'foreign-code' ? code : peer.unknownOf(exeFd);
  if (vector instanceof SysFailure) return peer.unknownOf(vector);
  if (pagemap === undefined || code === undefined) return unknown('system-error');
  const exe = statFd(exeFd);
  if (exe instanceof SysFailure) return peer.unknownOf(exe);
  if (way instanceof SysFailure) return peer.unknownOf(way);
  const { link, leads } = way;
  const state = stateOf(peer, folder, exe, link, leads);
  if (typeof state !== 'string') return state;
  const size = readAuxv(vector);
  if (size === undefined) return unknown('system-error', `${folder}/auxv cannot be read`);
  const auxv = Buffer.from(scratch.subarray(0, size));
  return { exe, link, state, pagemap, code, exeFd, auxv, procmapQuery: peer.capabilities.procmapQuery, asker: peer.asker };
}

/** T5, T6: a path counts only if it leads from our root to the file that runs; the link count tells what was deleted, not the text. */
function stateOf(peer: LinuxPeer, folder: string, exe: FileIdentity, text: Buffer, leads: boolean | SysFailure): ExeState | Unknown {
  if (exe.links === 0) return text.indexOf(MEMFD) === 0 ? 'memfd' : 'deleted';
  if (leads instanceof SysFailure) return unknownOf(leads); // not looked at is not absent (I4)
  if (leads) return 'linked';
  const namespace = openOne(peer.asker, `${folder}/ns/mnt`);
  if (namespace instanceof SysFailure) return peer.unknownOf(namespace);
  if (typeof namespace !== 'number') return namespace;
  const own = inodeOf(namespace) === peer.capabilities.namespaces.get('mnt');
  closeFd(namespace);
  return own ? 'replaced' : 'elsewhere';
}

/** Whether the exe link still says what it said, and that still leads to the file. */
function leadsAsBefore(way: Way | SysFailure, link: Buffer): boolean {
  return !(way instanceof SysFailure) && way.leads === true && way.link.equals(link);
}

/** Reads the auxiliary vector into `scratch`; undefined when there is none, or more than fits. */
function readAuxv(fd: Fd): number | undefined {
  const size = readAt(fd, scratch, 0);
  return typeof size === 'number' && size > 0 && size < scratch.length ? size : undefined;
}
