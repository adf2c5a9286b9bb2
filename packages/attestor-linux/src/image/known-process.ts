import type { Fd } from '@portcullis/core';
import { SysFailure } from '../ffi/errno.js';
import { closeFd, cPath, openRead } from '../ffi/file.js';
import type { PidfdInfo } from '../ffi/pidfd.js';
import { countHeld } from '../held-descriptors.js';
import { asBuffer } from '../proc/decode.js';
import { rereadProc } from '../proc/read.js';
import type { ProgramImage } from './program-image.js';

/** What is kept of one process between its connections. Its descriptors die with the process, never lead to another. */
export class KnownProcess {
  readonly #info: PidfdInfo;
  #image: ProgramImage | undefined;
  #cgroup: Fd | undefined;
  #cgroupText: Buffer | undefined;
  #forgotten = false;

  constructor(info: PidfdInfo) {
    this.#info = info;
  }

  /** Whether credentials and cgroup are what they were. */
  isStill({ pid, ruid, rgid, euid, egid, cgroupId }: PidfdInfo): boolean {
    const was = this.#info;
    return was.pid === pid && was.ruid === ruid && was.rgid === rgid && was.euid === euid && was.egid === egid && was.cgroupId === cgroupId;
  }

  /** The image of an earlier connection, if the process still runs it. */
  imageAgain(): ProgramImage | undefined {
    if (this.#image === undefined || this.#image.changed() === undefined) return this.#image;
    this.#image.letGo();
    this.#image = undefined;
    return undefined;
  }

  /** Keeps an image that the caller has taken a use of. */
  keepImage(image: ProgramImage): void {
    this.#image?.letGo();
    this.#image = image;
    if (this.#forgotten) this.forget();
  }

  /**
   * `/proc/PID/cgroup` through a descriptor that is opened once: a process can be moved at any time, so the text is read
   * each time, in one call. The bytes are lent, but the same object comes again while the text stays the same.
   */
  cgroupText(folder: string): Buffer | SysFailure {
    if (this.#cgroup === undefined) {
      const fd = openRead(cPath(`${folder}/cgroup`), `${folder}/cgroup`);
      if (fd instanceof SysFailure) return fd;
      this.#cgroup = fd;
      countHeld(1);
    }
    const bytes = rereadProc(this.#cgroup);
    if (this.#forgotten) this.forget(); // a peer that waits may still ask: then nothing is kept
    if (bytes instanceof SysFailure) return bytes;
    if (this.#cgroupText?.equals(bytes) !== true) this.#cgroupText = Buffer.from(asBuffer(bytes));
    return this.#cgroupText;
  }

  forget(): void {
    this.#forgotten = true;
    this.#image?.letGo();
    this.#image = undefined;
    if (this.#cgroup === undefined) return;
    closeFd(this.#cgroup);
    countHeld(-1);
    this.#cgroup = undefined;
  }
}
