import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

/** Asks for the digest of the file behind a descriptor of this process, which the asker keeps open until the answer. */
export interface DigestRequest {
  readonly id: number;
  readonly fd: number;
}

export interface DigestAnswer {
  readonly id: number;
  readonly hex?: string;
  readonly error?: string;
}

/** Shared with who asks: the first word is the id of a request that is to stop. */
export interface DigestThreadData {
  readonly stopped: Int32Array;
}

const chunk = Buffer.allocUnsafeSlow(1 << 20);

function sha256(fd: number, id: number, { stopped }: DigestThreadData): string {
  const hash = createHash('sha256');
  for (let at = 0; ; ) {
    if (Atomics.load(stopped, 0) === id) throw new Error('stopped');
    const count = readSync(fd, chunk, 0, chunk.length, at);
    if (count === 0) return hash.digest('hex');
    hash.update(chunk.subarray(0, count));
    at += count;
  }
}

parentPort?.on('message', ({ id, fd }: DigestRequest) => {
  let answer: DigestAnswer;
  try {
    answer = { id, hex: sha256(fd, id, workerData as DigestThreadData) };
  } catch (error) {
    answer = { id, error: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(answer);
});
