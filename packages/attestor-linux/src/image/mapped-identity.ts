import type { Fd } from '@portcullis/core';
import { MAP_PRIVATE, PROT_READ } from '../ffi/constants.js';
import { SysFailure } from '../ffi/errno.js';
import { closeFd, cPath, openRead } from '../ffi/file.js';
import { libc } from '../ffi/libc.js';
import { mappingAt } from '../ffi/procmap.js';
import { parseExecutableMaps } from '../proc/parse-maps.js';
import { readProc } from '../proc/read.js';

/** Device and inode as the maps of a process show them. */
export interface MappedIdentity {
  readonly dev: number;
  readonly inode: bigint;
}

const PAGE = 4096;
const PROT_EXEC = 4;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/**
 * On btrfs and overlayfs the maps name another device and inode than stat(2) does. This asks the kernel for the maps' own
 * numbers of a file: it maps one page of it here, looks at our own maps, and unmaps it. Undefined: it cannot be told.
 */
export function mappedIdentity(file: Fd, procmapQuery: boolean): MappedIdentity | undefined {
  // The text fallback sees executable mappings only.
  const address = libc().mmap(null, PAGE, procmapQuery ? PROT_READ : PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
  if (address === MAP_FAILED || address === 0n) return undefined;
  try {
    return procmapQuery ? byQuery(address) : byText(address);
  } finally {
    libc().munmap(address, PAGE);
  }
}

function byQuery(address: bigint): MappedIdentity | undefined {
  const maps = openRead(cPath('/proc/self/maps'), '/proc/self/maps');
  if (maps instanceof SysFailure) return undefined;
  const mapping = mappingAt(maps, address);
  closeFd(maps);
  return mapping === undefined || mapping instanceof SysFailure ? undefined : { dev: mapping.dev, inode: mapping.inode };
}

function byText(address: bigint): MappedIdentity | undefined {
  const text = readProc('/proc/self/maps', 'pieces');
  const own = text instanceof SysFailure ? undefined : parseExecutableMaps(text)?.find((line) => line.start === address);
  return own && { dev: own.devMajor * 0x10_0000 + own.devMinor, inode: own.inode };
}
