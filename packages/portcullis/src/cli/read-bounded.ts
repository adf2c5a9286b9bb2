import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

const MOST_BYTES = 2 * 1024 * 1024;
const PIECE = 65_536;

/** Reads a regular file, or stdin for `-`, up to 2 MiB unless told. @throws Error beyond, and for what is no regular file */
export async function readBounded(from: string, most = MOST_BYTES): Promise<Uint8Array> {
  if (from === '-') return readStdin(process.stdin, most);
  // A FIFO would wait for its writer, a device never end.
  const fd = openSync(from, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) throw new Error('not a regular file; `-` reads stdin');
    return readAll(fd, most);
  } finally {
    closeSync(fd);
  }
}

function readAll(fd: number, most: number): Uint8Array {
  const pieces: Buffer[] = [];
  let total = 0;
  for (;;) {
    const piece = Buffer.allocUnsafe(PIECE);
    const got = readSync(fd, piece);
    if (got === 0) return Buffer.concat(pieces);
    total += got;
    requireWithin(total, most);
    pieces.push(piece.subarray(0, got));
  }
}

/** As a stream: a pipe that has nothing yet is waited for, and not an EAGAIN. */
async function readStdin(stream: AsyncIterable<Buffer>, most: number): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let total = 0;
  for await (const piece of stream) {
    total += piece.length;
    requireWithin(total, most);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function requireWithin(total: number, most: number): void {
  if (total > most) throw new Error(`more than ${String(most)} bytes`);
}
