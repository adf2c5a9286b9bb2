import { constants } from 'node:os';
import { O_NOFOLLOW, O_PATH, PROCMAP_QUERY } from '../../dist/ffi/constants.js';
import type { DoorCall } from './faults.js';

const all: Record<string, number> = { ...constants.errno };

/** Every errno that the host's headers name. */
export const ERRNOS: readonly number[] = [...new Set(Object.values(all))];

/** Those that the package takes notice of, and what a kernel short of something says. */
export const NOTED_ERRNOS: readonly number[] = [
  'EPERM', 'ENOENT', 'ESRCH', 'EINTR', 'EIO', 'EBADF', 'EAGAIN', 'ENOMEM', 'EACCES', 'ENOTDIR', 'EINVAL', 'ENFILE', 'EMFILE', 'ENOTTY', 'ERANGE',
  'ENAMETOOLONG', 'ENOSYS', 'ELOOP', 'ENODATA', 'EOVERFLOW', 'ENOPROTOOPT', 'EOPNOTSUPP', 'ESTALE',
].map((name) => all[name] ?? 0);

const WALKED = O_PATH | O_NOFOLLOW;
const NO_SUCH_PATH: ReadonlySet<number> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].map((name) => all[name] ?? 0));

/**
 * Whether this errno is an answer of that call and no failure: then the kernel says something else of the world, and
 * whoever believes it is right. No mapping any more; no such file under a path of the host (not below /proc), nor on
 * the way that the kernel's name of a file says, which is walked without following links; a mapped file in a folder that is closed to us.
 */
export function isAnswer({ name, args }: DoorCall, errno: number): boolean {
  if (name === 'ioctl') return args[1] === PROCMAP_QUERY && errno === all['ENOENT'];
  if (name === 'openat2') return NO_SUCH_PATH.has(errno) || errno === all['EACCES'];
  if (name === 'openat' && (Number(args[2]) & WALKED) === WALKED) return NO_SUCH_PATH.has(errno) && !isBelowProc(args[1]);
  return name === 'statx' && isHostPath(args[1]) && NO_SUCH_PATH.has(errno);
}

/** The path of a call, for a message. */
export function pathOf(call: DoorCall): string {
  if (call.name === 'pread') return ''; // into memory that may hold anything
  const path = call.args.find((argument) => argument instanceof Uint8Array && argument.at(-1) === 0 && argument[0] === 0x2f);
  return path === undefined ? '' : Buffer.from(path as Uint8Array).toString('latin1').slice(0, -1);
}

function isHostPath(path: unknown): boolean {
  return path instanceof Uint8Array && path[0] === 0x2f && !isBelowProc(path);
}

function isBelowProc(path: unknown): boolean {
  return path instanceof Uint8Array && Buffer.from(path).toString('latin1').startsWith('/proc/');
}
