import { isUtf8 } from 'node:buffer';
import { closeSync, constants, createReadStream, fstatSync, openSync } from 'node:fs';
import { PortcullisError } from '@portcullis/core';

/** One line; longer ones have no text. */
export interface LogLine {
  /** From 1. */
  readonly number: number;
  /** Undefined where it is no text that can be read: `why` says so then. */
  readonly text: string | undefined;
  readonly why?: string;
  /** The last line, without a line break: it may be under way still. */
  readonly last: boolean;
}

/** A record has some KiB. */
export const MOST_LINE_BYTES = 1024 * 1024;
const PIECE = 1024 * 1024;
const NEWLINE = 0x0a;

/** The lines of a regular file, or of stdin for `-`, in bounded memory. */
export class LogLines {
  /** Bytes in all; undefined of stdin. */
  readonly size: number | undefined;
  bytesRead = 0;
  readonly #stream: AsyncIterable<Buffer>;
  #number = 0;

  /** @throws PortcullisError `LOG_READ` */
  constructor(from: string) {
    if (from === '-') {
      this.size = undefined;
      this.#stream = process.stdin;
      return;
    }
    const { fd, size } = openLog(from);
    this.size = size;
    this.#stream = createReadStream('', { fd, highWaterMark: PIECE });
  }

  /** Line by line to `take`, one piece of the file after another. @throws PortcullisError `LOG_READ` */
  async each(take: (line: LogLine) => void, piece?: () => void): Promise<void> {
    let rest: Buffer[] = [];
    let restBytes = 0;
    try {
      for await (const chunk of this.#stream) {
        this.bytesRead += chunk.length;
        let at = 0;
        for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, at)) {
          const part = chunk.subarray(at, end);
          take(this.#line(restBytes === 0 ? part : Buffer.concat([...rest, part]), restBytes + part.length, false));
          [rest, restBytes, at] = [[], 0, end + 1];
        }
        const left = chunk.subarray(at);
        restBytes += left.length;
        // Of a line that is too long already, nothing more is kept.
        if (restBytes > MOST_LINE_BYTES) rest = [];
        else if (left.length > 0) rest.push(Buffer.from(left));
        piece?.();
      }
    } catch (cause) {
      if (cause instanceof Error && 'syscall' in cause) throw new PortcullisError('LOG_READ', 'the log cannot be read to its end', { cause });
      throw cause;
    }
    if (restBytes > 0) take(this.#line(Buffer.concat(rest), restBytes, true));
  }

  #line(bytes: Buffer, length: number, last: boolean): LogLine {
    const number = ++this.#number;
    if (length > MOST_LINE_BYTES) return { number, text: undefined, why: `longer than ${String(MOST_LINE_BYTES)} bytes`, last };
    const text = bytes.toString('utf8');
    if (text.includes('\ufffd') && !isUtf8(bytes)) return { number, text: undefined, why: 'not UTF-8', last };
    return { number, text, last };
  }
}

function openLog(path: string): { readonly fd: number; readonly size: number } {
  let fd: number | undefined;
  try {
    // A FIFO would wait for its writer, a device never end.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error('not a regular file; `-` reads stdin');
    return { fd, size: stat.size };
  } catch (cause) {
    if (fd !== undefined) closeSync(fd);
    throw new PortcullisError('LOG_READ', `cannot read \`${path}\``, { cause, facts: { path } });
  }
}
