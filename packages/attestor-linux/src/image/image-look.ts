import { unknown, type Fd, type Unknown } from '@portcullis/core';
import { O_PATH } from '../ffi/constants.js';
import { EACCES, SysFailure } from '../ffi/errno.js';
import { closeAll, cPath, openRead, readLinkOf } from '../ffi/file.js';
import { statFd, type FileIdentity } from '../ffi/statx.js';
import { unknownOf } from '../unknown-of.js';
import { lookAtCode, type Code, type CodeSource } from './code.js';
import { leadsTo } from './host-path.js';
import { strangeLayer } from './strange-layer.js';

/** A look at the image that runs below a folder of `/proc`. */
export interface LookOrder {
  readonly folder: string;
  /** Whether it is of an image that was looked at before, whose memory is pinned. What the process has now is looked at all the same. */
  readonly again: boolean;
  /** Whether the executable mappings are looked at as well. */
  readonly code: boolean;
  readonly procmapQuery: boolean;
}

/** What one look opened, for the caller to close, and what it says of the code. */
export interface ImageLook {
  readonly auxv: Fd | SysFailure;
  /** A failure where nothing may be asked of it: then `code` says why. */
  readonly exe: Fd | SysFailure;
  /** Undefined where one was pinned already. */
  readonly pagemap: Fd | SysFailure | undefined;
  readonly code: Code | Unknown | undefined;
  readonly way: Way | SysFailure;
}

/** Of the exe link, read once: who can move mounts about can have it say something else a moment later (T5). */
export interface Way {
  /** What it says. */
  readonly link: Buffer;
  /** Whether that very path leads from our root to the file that runs. */
  readonly leads: boolean | SysFailure;
}

/**
 * Every question to the kernel that the process can make wait (T20): by an exec that does not end, or by a thread that keeps the
 * lock of its memory. The auxiliary vector comes first and the pin second: an exec after it, beside memory that somebody keeps
 * alive, shows at the next look, and any other leaves a dead pin (T2).
 */
export function lookAtImage({ folder, again, code, procmapQuery }: LookOrder): ImageLook {
  const auxv = open(`${folder}/auxv`);
  const pages = !again || code ? open(`${folder}/pagemap`) : undefined;
  const pagemap = again ? undefined : pages;
  const maps = code ? open(`${folder}/maps`) : undefined;
  const exe = open(`${folder}/exe`, O_PATH); // what is asked of it cannot be held up by an exec
  const identity = typeof exe === 'number' ? statFd(exe) : exe;
  const way = typeof exe === 'number' ? wayTo(exe, identity) : exe;
  const strange = typeof exe === 'number' && !(identity instanceof SysFailure) && !isOurs(way) ? strangeLayer(exe, identity) : undefined;
  if (strange !== undefined) {
    closeAll([exe, maps, again ? pages : undefined]);
    return { auxv, exe: new SysFailure(`the file of ${folder}/exe`, EACCES), pagemap, code: strange, way };
  }
  if (maps === undefined) return { auxv, exe, pagemap, code: undefined, way };
  const seen = codeBehind(maps, pages, exe, identity, { folder, procmapQuery, link: way instanceof SysFailure ? undefined : way.link });
  closeAll([maps, again ? pages : undefined]);
  return { auxv, exe, pagemap, code: seen, way };
}

function wayTo(fd: Fd, exe: FileIdentity | SysFailure): Way | SysFailure {
  if (exe instanceof SysFailure) return exe;
  const link = readLinkOf(fd);
  if (link instanceof SysFailure) return link;
  return { link: Buffer.from(link), leads: leadsTo(link, exe) }; // a copy: the next link is read into the same memory
}

/** Mounted where we are: who may mount there is root. */
function isOurs(way: Way | SysFailure): boolean {
  return !(way instanceof SysFailure) && way.leads === true;
}

/** Nothing is said of the code where one of these could not be opened. */
function codeBehind(maps: Fd | SysFailure, pagemap: Fd | SysFailure | undefined, exeFd: Fd | SysFailure, exe: FileIdentity | SysFailure, rest: Pick<CodeSource, 'folder' | 'link' | 'procmapQuery'>): Code | Unknown {
  if (maps instanceof SysFailure) return unknownOf(maps);
  if (typeof pagemap !== 'number' || typeof exeFd !== 'number') return unknown('system-error');
  return exe instanceof SysFailure ? unknownOf(exe) : lookAtCode({ ...rest, maps, pagemap, exeFd, exe });
}

function open(path: string, flags = 0): Fd | SysFailure {
  return openRead(cPath(path), path, flags);
}
