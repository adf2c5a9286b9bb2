import type { Unknown } from '@portcullis/core';
import type { Code } from '../image/code.js';
import type { LookOrder } from '../image/image-look.js';

/**
 * What a looking thread and its asker share. `state` is what both wait on; the asker writes `request` (JSON) before it asks,
 * the thread writes `results` and `bytes` before it answers.
 */
export class LookMemory {
  readonly shared: SharedArrayBuffer;
  readonly state: Int32Array;
  readonly #threadId: Int32Array;
  /** A descriptor, or a size, or minus an errno, for each path. */
  readonly results: Int32Array;
  readonly bytes: Uint8Array;
  readonly #requestSize: Int32Array;
  readonly #request: Uint8Array;

  constructor(shared = new SharedArrayBuffer(BYTES_AT + MOST_BYTES)) {
    this.shared = shared;
    this.state = new Int32Array(shared, 0, 1);
    this.#requestSize = new Int32Array(shared, 4, 1);
    this.#threadId = new Int32Array(shared, 8, 1);
    this.results = new Int32Array(shared, 12, MOST_PATHS);
    this.#request = new Uint8Array(shared, REQUEST_AT, MOST_REQUEST);
    this.bytes = new Uint8Array(shared, BYTES_AT, MOST_BYTES);
  }

  /** Of the looking thread, below `/proc/self/task`; undefined where it could not tell. It says so before it is idle for the first time. */
  set threadId(id: number | undefined) {
    this.#threadId[0] = id ?? 0;
  }

  get threadId(): number | undefined {
    return this.#threadId[0] === 0 ? undefined : this.#threadId[0];
  }

  set request(request: LookRequest) {
    const text = Buffer.from(JSON.stringify(request));
    this.#request.set(text);
    this.#requestSize[0] = text.length;
  }

  get request(): LookRequest {
    return JSON.parse(Buffer.from(this.#request.slice(0, this.#requestSize[0])).toString()) as LookRequest;
  }
}

/** Looks at a program image, opens each path, reads the whole of one, or copies a descriptor of another process. */
export type LookRequest =
  | { readonly image: LookOrder }
  | { readonly getfd: { readonly pidfd: number; readonly foreignFd: number } }
  | { readonly open: readonly { readonly path: string; readonly flags: number }[] }
  | { readonly read: string };

export const MOST_PATHS = 64;
/** What is said of an image beside its descriptors, as JSON; the bytes of the link in base64, a failure by its fields. */
export interface SaidOfImage {
  readonly code?: Code | Unknown;
  readonly way: SaidFailure | { readonly link: string; readonly leads: boolean | SaidFailure };
}

export interface SaidFailure {
  readonly call: string;
  readonly errno: number;
}

/** Of one image: auxiliary vector, exe and pagemap. The size of `SaidOfImage` stands behind their results. */
export const IMAGE_FILES = 3;
/** Of one file that is read. */
const MOST_BYTES = 1 << 20;
const MOST_REQUEST = 16_384;
const REQUEST_AT = 12 + MOST_PATHS * 4;
const BYTES_AT = REQUEST_AT + MOST_REQUEST;

/** The thread is not there yet. */
export const STARTING = 0;
export const IDLE = 1;
export const ASKED = 2;
export const ANSWERED = 3;
/** Nobody waits for the answer any more. */
export const ABANDONED = 4;
