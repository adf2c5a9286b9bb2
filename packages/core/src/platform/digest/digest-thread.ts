import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

/** Asks for the digest of the file behind a descriptor of this process, which the asker keeps open until the answer. */
export interface DigestRequest {
  readonly id: number;
  readonly fd: number;
  /** How long it is. */
  readonly size: number;
}

export interface DigestAnswer {
  readonly id: number;
  readonly hex?: string;
  /** The file is longer than that by now: left there, since no more was counted and charged (T17). */
  readonly grew?: true;
  readonly error?: string;
}

/** Shared with who asks: the first word is the id of a request that is to stop. */
export interface DigestThreadData {
  readonly stopped: Int32Array;
}

const chunk = Buffer.allocUnsafeSlow(1 << 20);

/** Undefined where there is more than `size`. */
function sha256({ id, fd, size }: DigestRequest, { stopped }: DigestThreadData): string | undefined {
  const hash = createHash('sha256');
  for (let at = 0; ; ) {
    if (Atomics.load(stopped, 0) === id) throw new Error('stopped');
    const count = readSync(fd, chunk, 0, Math.min(chunk.length, size + 1 - at), at);
    if (count === 0) return hash.digest('hex');
    hash.update(chunk.subarray(0, count));
    at += count;
    if (at > size) return undefined;
  }
}

parentPort?.on('message', (request: DigestRequest) => {
  const { id } = request;
  let answer: DigestAnswer;
  try {
    const hex = sha256(request, workerData as DigestThreadData);
    answer = hex === undefined ? { id, grew: true } : { id, hex };
  } catch (error) {
    answer = { id, error: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(answer);
});
