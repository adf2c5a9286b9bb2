import { endianness } from 'node:os';
import type { Fd } from '@portcullis/core';
import { AT_PAGESZ, PAGE_IS_FILE, PAGE_IS_PRESENT, PAGE_IS_SWAPPED, PAGEMAP_SCAN } from './constants.js';
import { EINVAL, ENOTTY, SysFailure } from './errno.js';
import { closeFd, cPath, openRead, readAt } from './file.js';
import { libc } from './libc.js';

/** `struct pm_scan_arg`, 96 bytes, then one `struct page_region`, 24 bytes (linux/fs.h, 6.7). */
const memory = Buffer.allocUnsafeSlow(96 + 24);
const argument = new BigUint64Array(memory.buffer, memory.byteOffset, 12);
const IN_MEMORY = BigInt(PAGE_IS_PRESENT | PAGE_IS_SWAPPED);
const OF_FILE = BigInt(PAGE_IS_FILE);

/** Bits of the upper half of a pagemap entry (admin-guide/mm/pagemap.rst, 3.5). */
const ENTRY_OF_FILE = 1 << 29;
const ENTRY_IN_MEMORY = (1 << 30) | (1 << 31);
const ENTRY_BYTES = 8;
const UPPER_HALF = endianness() === 'LE' ? 1 : 0;

let scans: boolean | undefined;
let regionAddress: bigint | undefined;

/**
 * Whether a private mapping of a file has pages from `start` to `end` that are not the file's any more: somebody wrote to
 * them, and the maps still name the file. `ioctl(pagemapFd, PAGEMAP_SCAN)`, Linux 6.7; before, the entries are read.
 */
export function hasPrivatePages(pagemapFd: Fd, start: bigint, end: bigint): boolean | SysFailure {
  if (scans !== false) {
    const found = scan(pagemapFd, start, end);
    const unsupported = scans === undefined && found instanceof SysFailure && (found.errno === ENOTTY || found.errno === EINVAL);
    if (!unsupported) {
      scans = true;
      return found;
    }
    scans = false;
  }
  return readEntries(pagemapFd, start, end);
}

function scan(pagemapFd: Fd, start: bigint, end: bigint): boolean | SysFailure {
  regionAddress ??= libc().addressOf(memory) + 96n;
  argument.fill(0n);
  argument[0] = 96n;
  argument[2] = start;
  argument[3] = end;
  argument[5] = regionAddress;
  argument[6] = 1n; // room for one region
  argument[7] = 1n; // the first page will do
  argument[8] = OF_FILE; // inverted,
  argument[9] = OF_FILE; // and wanted: not of a file
  argument[10] = IN_MEMORY; // any of these
  argument[11] = IN_MEMORY;
  const regions = libc().ioctl(pagemapFd, PAGEMAP_SCAN, argument);
  return regions < 0 ? new SysFailure(`ioctl(${String(pagemapFd)}, PAGEMAP_SCAN)`, libc().errno()) : regions > 0;
}

const oneByte = new Uint8Array(1);

/**
 * Whether the memory behind the descriptor is still somebody's: after an exec or an exit it reads nothing (T2). An entry has eight
 * bytes, and asking for one is an error, which the kernel finds between those two questions: after it saw that the memory is
 * there, and before it takes the memory's lock, which a thread of the process can hold for as long as it likes (T20).
 */
export function isMemoryAlive(pagemapFd: Fd): boolean {
  const size = libc().pread(pagemapFd, oneByte, 1, 0); // EINVAL: fs/proc/task_mmu.c, pagemap_read(), in 5.10 to 6.18
  return size < 0 && libc().errno() === EINVAL;
}

const PAGES_AT_ONCE = 8192;
const entries = new Uint32Array(Buffer.allocUnsafeSlow(PAGES_AT_ONCE * ENTRY_BYTES).buffer);
let pageSize: bigint | undefined;

/** The same by reading `/proc/PID/pagemap`, 64 bits a page. */
export function readEntries(pagemapFd: Fd, start: bigint, end: bigint): boolean | SysFailure {
  pageSize ??= ownPageSize();
  const last = Number(end / pageSize);
  for (let page = Number(start / pageSize); page < last; ) {
    const some = entries.subarray(0, 2 * Math.min(PAGES_AT_ONCE, last - page));
    const size = readAt(pagemapFd, some, page * ENTRY_BYTES);
    if (typeof size !== 'number') return size;
    if (size < ENTRY_BYTES) return false; // the memory is gone, which who asks notices
    for (let at = UPPER_HALF; at < size / 4; at += 2) {
      const entry = entries[at] ?? 0;
      if ((entry & ENTRY_IN_MEMORY) !== 0 && (entry & ENTRY_OF_FILE) === 0) return true;
    }
    page += Math.floor(size / ENTRY_BYTES);
  }
  return false;
}

/** AT_PAGESZ of our own auxiliary vector. */
function ownPageSize(): bigint {
  const words = new BigUint64Array(128);
  const fd = openRead(cPath('/proc/self/auxv'), '/proc/self/auxv');
  if (fd instanceof SysFailure) return 4096n;
  readAt(fd, words, 0);
  closeFd(fd);
  for (let at = 0; at < words.length; at += 2) if (words[at] === BigInt(AT_PAGESZ)) return words[at + 1] ?? 4096n;
  return 4096n;
}
