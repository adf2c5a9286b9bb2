import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { unknown } from '@portcullis/core';
import { fileSystemOf, isLocal } from './file-system.mjs';

const O_PATH = 0o10000000; // asm-generic/fcntl.h: x86_64, arm64, riscv64
const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const OTHERS_WRITE = 0o022; // an access list shows in the group's bits, as its mask
const STICKY = 0o1000;
const ROOT = 0;
const NOBODY = 65534; // what the kernel shows of every owner that has no number here
const MOST_BYTES = 4096;
const MOST_FOLDERS = 64;

/**
 * The bytes of `program` + `suffix`, and who beside root may write them: `{ writers, bytes }`, without `bytes` where there is no such file.
 * An unknown where anybody but root and the owner of the program could change it, or what leads to it.
 *
 * Each step is opened in the folder that is held from the step before, which only those two may change, so that what
 * was checked is what is read. A descriptor by O_PATH asks the file system for nothing; a FUSE would answer when it likes, and
 * the gateway waits meanwhile: what it is for a file system is seen first.
 */
export function readBeside(program, suffix) {
  const names = program.split('/').slice(1);
  if (names.length > MOST_FOLDERS) return unknown('limit', `more than ${MOST_FOLDERS} folders`);
  const held = new Held();
  try {
    const name = names.pop();
    const folders = [held.open('/', O_DIRECTORY), ...names.map((one) => held.open(one, O_DIRECTORY))];
    const binary = held.look(name);
    const owners = new Set([ROOT, binary.uid]);
    if (binary.uid === NOBODY) return unanchored(program, 'has an owner that is not known here');
    if (!binary.isFile() || othersWrite(binary)) return unanchored(program, 'may be written by others than its owner');
    const loose = folders.findIndex((folder, at) => !isKept(folder, owners, at < folders.length - 1));
    if (loose >= 0) return unanchored(`/${names.slice(0, loose).join('/')}`, 'may be changed by others than root and the owner of the program');
    return readOwned(held, name + suffix, owners, new Set([...folders, binary].map(({ uid }) => uid)));
  } catch (error) {
    return unknownOf(error);
  } finally {
    held.close();
  }
}

/** The folder that is held, as deep as one went, and what is looked at in it. */
class Held {
  #fds = [];

  /** Goes down, and says what is there. */
  open(name, flags) {
    const fd = this.#open(name, flags);
    this.#fds.push(fd);
    return statLocal(fd);
  }

  /** What stands in the folder, without opening it; a link is not followed. */
  look(name) {
    const fd = this.#open(name, 0);
    try {
      return statLocal(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** The caller's to close. */
  take(name) {
    return this.#open(name, 0);
  }

  #open(name, flags) {
    const folder = this.#fds.at(-1);
    return openSync(folder === undefined ? name : `/proc/self/fd/${folder}/${name}`, O_PATH | O_NOFOLLOW | flags);
  }

  close() {
    for (const fd of this.#fds) closeSync(fd);
  }
}

function readOwned(held, name, owners, writers) {
  let fd;
  try {
    fd = held.take(name);
  } catch (error) {
    if (error.code === 'ENOENT') return { writers }; // in a folder that none but those change, so that nobody else removed it
    throw error;
  }
  try {
    const file = statLocal(fd);
    if (!file.isFile() || !owners.has(file.uid) || othersWrite(file)) return unanchored(name, 'is no file that root and the owner of the program alone may write');
    const bytes = readAll(fd);
    if (bytes.length > MOST_BYTES) return unknown('limit', `\`${name}\` is larger than ${MOST_BYTES} bytes`);
    const after = statLocal(fd);
    // Half of what is being written may be another licence: `MIT` of `MIT-0`.
    if (bytes.length !== after.size || after.mtimeMs !== file.mtimeMs || after.ctimeMs !== file.ctimeMs) return unknown('system-error', `\`${name}\` was written while it was read`);
    return { writers: new Set([...writers, file.uid]), bytes };
  } finally {
    closeSync(fd);
  }
}

/** The file behind the descriptor, and no other that took its name. O_NONBLOCK: its owner may hold a lease on it, which an open would wait for. */
function readAll(held) {
  const fd = openSync(`/proc/self/fd/${held}`, O_RDONLY | O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(MOST_BYTES + 1);
    let size = 0;
    for (let read = 1; read > 0 && size < bytes.length; size += read) read = readSync(fd, bytes, size, bytes.length - size, null);
    return bytes.subarray(0, size);
  } finally {
    closeSync(fd);
  }
}

/** Whether what is in the folder stays there unless root or the owner moves it. In a sticky folder of root's, such as /tmp, nobody else moves what they own. */
function isKept(folder, owners, sticky) {
  if (!owners.has(folder.uid)) return false;
  return !othersWrite(folder) || (sticky && folder.uid === ROOT && (folder.mode & STICKY) !== 0);
}

const othersWrite = ({ mode }) => (mode & OTHERS_WRITE) !== 0;
const unanchored = (path, why) => unknown('unanchored', `\`${path}\` ${why}`);

/** A folder of another program's file system would answer `fstat` when that program likes. */
function statLocal(fd) {
  const kind = fileSystemOf(fd);
  if (!isLocal(kind)) throw Object.assign(new Error(`on a file system of the kind \`${kind}\`, which may answer late or never`), { code: 'EREMOTE' });
  return fstatSync(fd);
}

function unknownOf(error) {
  if (error.code === 'EACCES' || error.code === 'EPERM') return unknown('permission', error.message);
  if (error.code === 'EMFILE' || error.code === 'ENFILE') return unknown('limit', error.message);
  return unknown('system-error', error.message);
}
