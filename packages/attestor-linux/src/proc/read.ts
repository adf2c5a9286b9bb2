import { closeFd, cPath, openRead, readAll } from '../ffi/file.js';
import { ERANGE, SysFailure } from '../ffi/errno.js';

/** Enough for every text read on the accept path; `status` of a process with 65,536 groups wants more. */
let memory = Buffer.allocUnsafeSlow(16_384);
const LARGEST = 1 << 20;

/**
 * The whole of a small file below /proc. The bytes are lent: they are overwritten by the next read. ERANGE when the file
 * is larger than `most` (I11).
 */
export function readProc(path: string, most = LARGEST): Uint8Array | SysFailure {
  const fd = openRead(cPath(path), path);
  if (typeof fd !== 'number') return fd;
  try {
    for (;;) {
      const size = readAll(fd, memory);
      if (typeof size !== 'number') return new SysFailure(`read("${path}")`, size.errno);
      if (size < memory.length) return size > most ? new SysFailure(`read("${path}")`, ERANGE) : memory.subarray(0, size);
      if (memory.length >= LARGEST) return new SysFailure(`read("${path}")`, ERANGE);
      const grown = Buffer.allocUnsafeSlow(memory.length * 4);
      memory.copy(grown);
      const rest = readAll(fd, grown.subarray(size));
      if (typeof rest !== 'number') return new SysFailure(`read("${path}")`, rest.errno);
      memory = grown;
      if (size + rest < grown.length) return grown.subarray(0, size + rest);
      return new SysFailure(`read("${path}")`, ERANGE);
    }
  } finally {
    closeFd(fd);
  }
}
