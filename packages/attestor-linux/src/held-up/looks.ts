import { performance } from 'node:perf_hooks'; // the global of that name is a getter, which costs something at every look
import { unknown, type Fd, type Pid, type Uid, type Unknown } from '@portcullis/core';
import { accountOf } from '@portcullis/core/platform';
import { SysFailure } from '../ffi/errno.js';
import { cPath, openRead } from '../ffi/file.js';
import { lookAtImage, type ImageLook, type LookOrder, type Way } from '../image/image-look.js';
import { readProc } from '../proc/read.js';
import { countStuck } from './exit.js';
import { IMAGE_FILES, MOST_PATHS, type LookRequest, type SaidFailure, type SaidOfImage } from './look-memory.js';
import { LookTime } from './look-time.js';
import { LookWorker } from './look-worker.js';

/** How long one look may take. The kernel answers in microseconds, unless the process sees to it that it does not. */
const MOST_MS = 200;
/** For so long besides, while the thread is runnable: a host without processor time to spare makes it late, and no process does. */
const RUNNABLE_MS = 800;
/** For so long after a look that got no processor: its user did nothing, but the next one may take as long, and the event loop waits. */
const STARVED_MS = 1_000;
/** For so long, and until it lets go, no process is looked at whose user is that of one that held a look up. */
const BARRED_MS = 10_000;
/** Threads that are held up at the same time; beyond that, nobody is looked at who could add one. */
const MOST_HELD_UP = 8;
const MOST_BARRED = 4096;

/** For whom one looks. */
export interface Asker {
  readonly uid: Uid;
  /** Whether this thread looks itself: of a process that could as well stop this one. */
  readonly direct: boolean;
}

/** Of a user. */
interface Barred {
  readonly until: number;
  /** Why. */
  readonly detail: string;
}

export interface PathToOpen {
  readonly path: string;
  readonly flags: number;
}

/**
 * Looks at files below `/proc/PID` that the process can make wait for as long as it likes (T20): the kernel takes a lock that
 * an exec holds, or that of the process's memory, which a mapping of a file of its own FUSE holds until that answers, and reads
 * memory that the process filled from there. They are done by a thread that is
 * waited for within bounds, and left to itself where it is held up.
 */
class Looks {
  readonly #barred = new Map<Uid, Barred>();
  readonly #time = new LookTime();
  #worker: LookWorker | undefined;
  /** Threads that are held up, and by whose process; undefined: nobody's, it did not start. One that was starved may be held up by now. */
  readonly #heldUp = new Map<LookWorker, Uid | undefined>();

  /** A descriptor or a failure for each path, or why nobody could look. The descriptors are the caller's to close. */
  open(uid: Uid, paths: readonly PathToOpen[]): readonly (Fd | SysFailure)[] | Unknown {
    if (paths.length > MOST_PATHS) throw new RangeError(`${String(paths.length)} paths at once`);
    const answered = this.#ask(uid, { open: paths }, paths[0]?.path ?? '');
    return 'why' in answered ? answered : paths.map(({ path }, at) => opened(answered, at, path));
  }

  /** See `lookAtImage`. */
  image(uid: Uid, order: LookOrder): ImageLook | Unknown {
    const { folder, again } = order;
    const answered = this.#ask(uid, { image: order }, folder);
    if ('why' in answered) return answered;
    const { bytes, results } = answered.memory;
    const { code, way } = JSON.parse(Buffer.from(bytes.slice(0, results[IMAGE_FILES])).toString()) as SaidOfImage;
    return {
      auxv: opened(answered, 0, `${folder}/auxv`),
      exe: opened(answered, 1, `${folder}/exe`),
      pagemap: again ? undefined : opened(answered, 2, `${folder}/pagemap`),
      code, way: wayOf(way),
    };
  }

  /** The whole of a small file, which is the caller's own copy. */
  read(uid: Uid, path: string): Uint8Array | SysFailure | Unknown {
    const answered = this.#ask(uid, { read: path }, path);
    if ('why' in answered) return answered;
    const size = answered.memory.results[0] ?? -1;
    return size < 0 ? new SysFailure(`read("${path}")`, -size) : answered.memory.bytes.slice(0, size);
  }

  /** A copy of a descriptor of the process behind `pidfd`, ours to close. */
  getfd(uid: Uid, pidfd: Fd, foreignFd: number): Fd | SysFailure | Unknown {
    const call = `pidfd_getfd(${String(pidfd)}, ${String(foreignFd)}, 0)`;
    const answered = this.#ask(uid, { getfd: { pidfd, foreignFd } }, call);
    if ('why' in answered) return answered;
    const result = answered.memory.results[0] ?? -1;
    return result < 0 ? new SysFailure(call, -result) : (result as Fd);
  }

  #ask(uid: Uid, request: LookRequest, path: string): LookWorker | Unknown {
    const account = accountOf(uid);
    const barred = this.#barred.get(account);
    const now = performance.now();
    const spentMs = this.#time.excess(account, now);
    // For as long as it likes: or one user would hold up all threads, one after the other.
    if (this.#heldUp.size > 0 && [...this.#heldUp.values()].includes(account)) return unknown('timeout', 'a process of this user holds up a look at it, or it was not done yet');
    if (barred !== undefined && now < barred.until) return unknown('timeout', barred.detail);
    if (spentMs !== undefined) return unknown('timeout', `looks at processes of this user were long: ${spentMs.toFixed()} ms of processor time, more than their share`);
    if (this.#heldUp.size >= MOST_HELD_UP) return unknown('timeout', `${String(MOST_HELD_UP)} looks are held up by processes of several users`);
    const worker = (this.#worker ??= this.#start());
    const came = worker.ask(request, { mostMs: MOST_MS, runnableMs: RUNNABLE_MS });
    if (worker.workedMs > 0) this.#time.spend(account, worker.workedMs, performance.now());
    if (came === 'answered') return worker;
    this.#worker = undefined;
    this.#heldUp.set(worker, came === 'not-started' ? undefined : account);
    countStuck(1);
    if (came === 'not-started') return unknown('system-error', 'no thread that looks at processes could be started');
    if (this.#barred.size >= MOST_BARRED) this.#barred.clear();
    const [forMs, what] = came === 'held-up' ? [BARRED_MS, 'a process of this user held a look at it up'] : [STARVED_MS, 'a look at a process of this user got no processor time'];
    this.#barred.set(account, { until: performance.now() + forMs, detail: `${what}, less than ${String(forMs)} ms ago` });
    return unknown('timeout', came === 'held-up' ? `the process holds up who looks at ${path}` : `this host gave no processor time to who looks at ${path}`);
  }

  #start(): LookWorker {
    const worker: LookWorker = new LookWorker(() => {
      if (this.#worker === worker) {
        this.#worker = undefined;
        return;
      }
      if (this.#heldUp.delete(worker)) countStuck(-1);
    });
    return worker;
  }
}

/** The descriptor that was opened, or why there is none. */
function opened({ memory }: LookWorker, at: number, path: string): Fd | SysFailure {
  const result = memory.results[at] ?? -1;
  return result < 0 ? new SysFailure(`openat(AT_FDCWD, "${path}")`, -result) : (result as Fd);
}

function wayOf(said: SaidOfImage['way']): Way | SysFailure {
  if ('errno' in said) return failureOf(said);
  const { link, leads } = said;
  return { link: Buffer.from(link, 'base64'), leads: typeof leads === 'boolean' ? leads : failureOf(leads) };
}

function failureOf({ call, errno }: SaidFailure): SysFailure {
  return new SysFailure(call, errno);
}

const looks = new Looks();
/** Of their own: where the kernel lets nobody wait for these, who holds up the others can still be pinned. */
const pinLooks = new Looks();

/** See `Looks.open`. */
export function openBounded({ uid, direct }: Asker, paths: readonly PathToOpen[]): readonly (Fd | SysFailure)[] | Unknown {
  if (!direct) return looks.open(uid, paths);
  return paths.map(({ path, flags }) => openRead(cPath(path), path, flags));
}

/** See `lookAtImage`. */
export function lookBounded({ uid, direct }: Asker, order: LookOrder): ImageLook | Unknown {
  return direct ? lookAtImage(order) : looks.image(uid, order);
}

/** See `Looks.read`. The bytes are lent where the look is direct. */
export function readBounded({ uid, direct }: Asker, path: string): Uint8Array | SysFailure | Unknown {
  return direct ? readProc(path, 'pieces') : looks.read(uid, path);
}

/** `/proc/PID/stat` of a process that is not pinned yet, or only by its pid, so that nothing is known of it. */
export function readStatBounded(uid: Uid, pid: Pid): Uint8Array | SysFailure | Unknown {
  return pinLooks.read(uid, `/proc/${String(pid)}/stat`);
}

/** See `Looks.getfd`. */
export function getfdBounded(uid: Uid, pidfd: Fd, foreignFd: number): Fd | SysFailure | Unknown {
  return pinLooks.getfd(uid, pidfd, foreignFd);
}
