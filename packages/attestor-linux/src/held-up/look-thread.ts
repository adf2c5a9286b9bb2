import { parentPort, workerData } from 'node:worker_threads';
import { ERANGE, SysFailure } from '../ffi/errno.js';
import { closeAll, closeFd, cPath, openRead } from '../ffi/file.js';
import { pidfdGetfd } from '../ffi/pidfd.js';
import type { Fd } from '@portcullis/core';
import { lookAtImage, type Way } from '../image/image-look.js';
import { asBuffer } from '../proc/decode.js';
import { readProc } from '../proc/read.js';
import { ownThreadId } from './thread-life.js';
import { ABANDONED, ANSWERED, ASKED, IDLE, IMAGE_FILES, LookMemory, STARTING, type SaidOfImage } from './look-memory.js';

const memory = new LookMemory(workerData as SharedArrayBuffer);
const { state, results, bytes } = memory;
memory.threadId = ownThreadId();

// What is done for the first time is slow: better before anybody waits for it. Of ourselves, which holds up nobody.
const { auxv, exe, pagemap } = lookAtImage({ folder: '/proc/self', again: false, code: true, procmapQuery: true });
closeAll([auxv, exe, pagemap]);

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
  if ('open' in request) return answer(request.open.map(({ path, flags }) => openRead(cPath(path), path, flags)));
  if ('image' in request) {
    const { auxv, exe, pagemap, code, way } = lookAtImage(request.image);
    const said: SaidOfImage = { way: saidOf(way), ...(code && { code }) };
    results[IMAGE_FILES] = asBuffer(bytes).write(JSON.stringify(said));
    return answer(pagemap === undefined ? [auxv, exe] : [auxv, exe, pagemap]);
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

/** A failure becomes its fields. */
function saidOf(way: Way | SysFailure): SaidOfImage['way'] {
  return way instanceof SysFailure ? way : { link: way.link.toString('base64'), leads: way.leads };
}

function answer(opened: readonly (Fd | SysFailure)[]): readonly Fd[] {
  for (const [at, fd] of opened.entries()) results[at] = fd instanceof SysFailure ? -fd.errno : fd;
  return opened.filter((fd) => typeof fd === 'number');
}
