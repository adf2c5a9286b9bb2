import { parentPort, workerData } from 'node:worker_threads';
import { ERANGE, SysFailure } from '../ffi/errno.js';
import { closeFd, cPath, openRead } from '../ffi/file.js';
import { pidfdGetfd } from '../ffi/pidfd.js';
import type { Fd } from '@portcullis/core';
import { lookAtCode } from '../image/code.js';
import { isPinnedMemoryAlive } from '../image/memory.js';
import { readProc } from '../proc/read.js';
import { ABANDONED, ANSWERED, ASKED, IDLE, LookMemory, STARTING } from './look-memory.js';

const memory = new LookMemory(workerData as SharedArrayBuffer);
const { state, results, bytes } = memory;

Atomics.compareExchange(state, 0, STARTING, IDLE);
Atomics.notify(state, 0);
for (;;) {
  const now = Atomics.load(state, 0);
  if (now === ABANDONED) break;
  if (now !== ASKED) {
    Atomics.wait(state, 0, now);
    continue;
  }
  const opened = look();
  if (Atomics.compareExchange(state, 0, ASKED, ANSWERED) === ASKED) {
    Atomics.notify(state, 0);
    continue;
  }
  for (const fd of opened) closeFd(fd);
  break;
}
parentPort?.postMessage('ended');

/** Does what is asked, however long it takes: the descriptors that it opened. */
function look(): readonly Fd[] {
  const { request } = memory;
  if ('getfd' in request) {
    const copy = pidfdGetfd(request.getfd.pidfd as Fd, request.getfd.foreignFd);
    results[0] = copy instanceof SysFailure ? -copy.errno : copy;
    return copy instanceof SysFailure ? [] : [copy];
  }
  if ('open' in request) {
    const all = request.open.map(({ path, flags }) => openRead(cPath(path), path, flags));
    for (const [at, fd] of all.entries()) results[at] = fd instanceof SysFailure ? -fd.errno : fd;
    return all.filter((fd) => typeof fd === 'number');
  }
  if ('alive' in request) {
    results[0] = isPinnedMemoryAlive(request.alive.maps as Fd, request.alive.procmapQuery) ? 1 : 0;
    return [];
  }
  if ('code' in request) {
    const { maps, exeFd, dev, ino, procmapQuery, pagemap } = request.code;
    const code = lookAtCode({ maps: maps as Fd, exeFd: exeFd as Fd, exe: { dev, ino: BigInt(ino) }, procmapQuery, openPagemap: () => openRead(cPath(pagemap), pagemap) });
    results[0] = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).write(JSON.stringify(code));
    return [];
  }
  const read = readProc(request.read, 'pieces');
  if (read instanceof SysFailure) results[0] = -read.errno;
  else if (read.length > bytes.length) results[0] = -ERANGE;
  else {
    bytes.set(read);
    results[0] = read.length;
  }
  return [];
}
