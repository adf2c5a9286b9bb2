import { unknown, type Fd, type Unknown } from '@portcullis/core';
import { O_NONBLOCK } from '../ffi/constants.js';
import { EPERM, ESRCH, SysFailure } from '../ffi/errno.js';
import { closeFd, cPath, openRead } from '../ffi/file.js';
import { hasPrivatePages, isMemoryAlive } from '../ffi/pagemap.js';
import { lastEnd, nextExecutable, type Mapping } from '../ffi/procmap.js';
import { deviceNumber, statPath, type FileIdentity } from '../ffi/statx.js';
import { parseExecutableMaps } from '../proc/parse-maps.js';
import { rereadProc } from '../proc/read.js';
import { unknownOf } from '../unknown-of.js';
import { mappedIdentity, type MappedIdentity } from './mapped-identity.js';
import { changesWhileItRuns, isRootOnly } from './root-only.js';

/**
 * What the executable mappings say of a process (T4). `verified`: its exe, and files that only root can write. `jit`: also
 * memory without a file, or pages of a file that the process wrote over. `foreign`: also a file that somebody other than
 * root can write, or an exe that changes while it runs.
 */
export interface Code {
  readonly image: 'verified' | 'jit' | 'foreign';
  /** Whether the exe itself is mapped executable: if not, the exe link names a program that does not run. */
  readonly exeMapped: boolean;
}

/** More executable mappings than this are not looked at. */
const MOST_MAPPINGS = 1024;
/** More bytes of code are not searched for pages that were written over. */
const MOST_CODE_BYTES = 1n << 32n;
const VDSO = Buffer.from('[vdso]');
const VSYSCALL = Buffer.from('[vsyscall]');

/** Where the code of a process can be looked at. */
export interface CodeSource {
  /** `/proc/812` */
  readonly folder: string;
  readonly maps: Fd;
  /** Pins the memory. */
  readonly pagemap: Fd;
  readonly exeFd: Fd;
  readonly exe: FileIdentity;
  /** What the exe link says. */
  readonly link: Buffer | undefined;
  readonly procmapQuery: boolean;
}

/** Looks at every executable mapping of the memory behind `maps`. */
export function lookAtCode(source: CodeSource): Code | Unknown {
  const { maps, pagemap, procmapQuery } = source;
  const survey = new Survey(source);
  const failed = procmapQuery ? surveyByQuery(maps, survey) : surveyByText(maps, survey);
  const code = failed ?? survey.code();
  // The maps were opened by path: another program's, unless the pinned memory is still there (T2).
  return isMemoryAlive(pagemap) ? code : unknown('peer-changed', 'the memory that was looked at is gone');
}

function surveyByQuery(maps: Fd, survey: Survey): Unknown | undefined {
  let address = 0n;
  for (let count = 0; count < MOST_MAPPINGS; count += 1) {
    const mapping = nextExecutable(maps, address);
    if (mapping === undefined) return undefined;
    if (mapping instanceof SysFailure) return mapping.errno === ESRCH ? unknown('peer-changed', mapping.toString()) : unknownOf(mapping);
    address = lastEnd(); // before `see`, which may ask the same buffer about our own maps
    survey.see(mapping, address);
  }
  return unknown('limit', `more than ${String(MOST_MAPPINGS)} executable mappings`);
}

function surveyByText(maps: Fd, survey: Survey): Unknown | undefined {
  const text = rereadProc(maps, 'pieces');
  if (text instanceof SysFailure) return unknownOf(text);
  const lines = parseExecutableMaps(text);
  if (lines === undefined) return unknown('undecodable', '/proc/PID/maps');
  if (lines.length > MOST_MAPPINGS) return unknown('limit', `more than ${String(MOST_MAPPINGS)} executable mappings`);
  for (const { start, end, perms, devMajor, devMinor, inode, name } of lines) {
    survey.see({ start, writable: perms.includes('w'), dev: deviceNumber(devMajor, devMinor), inode, name: Buffer.from(name, 'latin1') }, end);
  }
  return undefined;
}

class Survey {
  readonly #source: CodeSource;
  #exeAsMapped: MappedIdentity | undefined;
  #exeMapped = false;
  #jit = false;
  #foreign = false;
  /** Why some file could not be looked at: unless another is foreign, nothing can be said (I4). */
  #failed: SysFailure | undefined;
  readonly #seen = new Set<string>();
  /** Whose numbers are not those of stat, so that another file may have them too. */
  readonly #ambiguous = new Set<string>();
  /** Where code is that the process could write over: mappings of files, and the vDSO. */
  readonly #private: { readonly start: bigint; readonly end: bigint }[] = [];

  constructor(source: CodeSource) {
    this.#source = source;
  }

  see(mapping: Mapping, end: bigint): void {
    if (mapping.inode === 0n) {
      // A file's name starts with a slash, so no file can be called like the kernel's own pages.
      if (VDSO.equals(mapping.name)) this.#private.push({ start: mapping.start, end });
      else if (!VSYSCALL.equals(mapping.name)) this.#jit = true;
      return;
    }
    if (mapping.writable) this.#jit = true; // code that is written while it runs
    this.#private.push({ start: mapping.start, end });
    if (this.#isExe(mapping, end)) {
      this.#exeMapped = true;
      return;
    }
    const file = `${String(mapping.dev)}:${String(mapping.inode)}`;
    if (this.#seen.has(file) && !this.#ambiguous.has(file)) return;
    this.#seen.add(file);
    if (!this.#foreign) this.#seeOther(mapping, end);
  }

  code(): Code | Unknown {
    const exeMapped = this.#exeMapped;
    const foreign = this.#foreign || (this.#failed ?? changesWhileItRuns(this.#source.exeFd, this.#source.exe));
    if (foreign instanceof SysFailure) return unknownOf(foreign);
    if (foreign) return { image: 'foreign', exeMapped };
    if (this.#jit) return { image: 'jit', exeMapped };
    const written = this.#hasWrittenCode();
    return typeof written === 'boolean' ? { image: written ? 'jit' : 'verified', exeMapped } : written;
  }

  /** A file that is not the exe. */
  #seeOther(mapping: Mapping, end: bigint): void {
    const really = (): FileIdentity | SysFailure => {
      this.#ambiguous.add(`${String(mapping.dev)}:${String(mapping.inode)}`);
      return this.#really(mapping, end);
    };
    const rootOnly = isRootOnly(mapping.name, mapping, this.#source.procmapQuery, really);
    if (rootOnly instanceof SysFailure) this.#failed ??= rootOnly;
    else if (!rootOnly) this.#foreign = true;
  }

  /** A page of a private mapping that was written is the process's own, while the maps go on naming the file. */
  #hasWrittenCode(): boolean | Unknown {
    const bytes = this.#private.reduce((sum, { start, end }) => sum + end - start, 0n);
    if (bytes > MOST_CODE_BYTES) return unknown('limit', `${String(bytes)} bytes of code`);
    for (const { start, end } of this.#private) {
      const found = hasPrivatePages(this.#source.pagemap, start, end);
      if (found instanceof SysFailure) return unknownOf(found);
      if (found) return true;
    }
    return false;
  }

  #isExe(mapping: Mapping, end: bigint): boolean {
    const { exe, link } = this.#source;
    if (mapping.dev === exe.dev && mapping.inode === exe.ino) return true;
    if (mapping.dev === exe.dev) return false;
    // Another device than stat says: btrfs or overlayfs, where the maps have numbers of their own.
    this.#exeAsMapped ??= this.#askForExe();
    if (this.#exeAsMapped.dev !== mapping.dev || this.#exeAsMapped.inode !== mapping.inode) return false;
    const really = this.#really(mapping, end);
    if (really instanceof SysFailure) return really.errno === EPERM && link?.equals(mapping.name) === true;
    return really.dev === exe.dev && really.ino === exe.ino;
  }

  /**
   * The mapped file by the numbers of stat. Those of the maps are one file's only within a subvolume of btrfs, and any user can make
   * another with the same numbers in it. EPERM: without CAP_CHECKPOINT_RESTORE there is only the name to go by.
   */
  #really({ start }: Mapping, end: bigint): FileIdentity | SysFailure {
    return statPath(cPath(`${this.#source.folder}/map_files/${start.toString(16)}-${end.toString(16)}`), 'a mapping');
  }

  #askForExe(): MappedIdentity {
    const file = openRead(cPath(`/proc/self/fd/${String(this.#source.exeFd)}`), 'the exe', O_NONBLOCK);
    if (file instanceof SysFailure) return { dev: -1, inode: 0n };
    const identity = mappedIdentity(file, this.#source.procmapQuery);
    closeFd(file);
    return identity ?? { dev: -1, inode: 0n };
  }
}
