/** One open file of a process: the descriptor column (`txt` for a mapped executable file) and its name, as bytes. */
export interface LsofFile {
  readonly descriptor: string;
  readonly name: Uint8Array;
}

/** A process and its files, as `lsof -F fn` prints them, in lsof's order. */
export interface LsofProcess {
  readonly pid: number;
  readonly files: readonly LsofFile[];
}

const PID = /^p([1-9][0-9]{0,9})$/;
const DESCRIPTOR = /^f([a-zA-Z0-9]{1,8})$/;

/**
 * The records of one process, strictly: a line `p`, then pairs of lines `f` and `n`. Undefined for anything else, a last
 * line without its newline (cut off) or a second process included.
 */
export function parseRecords(text: string): LsofProcess | undefined {
  if (!text.endsWith('\n')) return undefined;
  const [first = '', ...lines] = text.slice(0, -1).split('\n');
  const pid = PID.exec(first)?.[1];
  if (pid === undefined || lines.length % 2 !== 0) return undefined;
  const files: LsofFile[] = [];
  for (let at = 0; at < lines.length; at += 2) {
    const descriptor = DESCRIPTOR.exec(lines[at] ?? '')?.[1];
    const name = lines[at + 1] ?? '';
    const bytes = name.startsWith('n') ? unescapeName(name.slice(1)) : undefined;
    if (descriptor === undefined || bytes === undefined) return undefined;
    files.push({ descriptor, name: bytes });
  }
  return { pid: Number(pid), files };
}

const ESCAPES: Readonly<Record<string, number>> = { '\\': 0x5c, b: 0x08, f: 0x0c, n: 0x0a, r: 0x0d, t: 0x09 };
const PIECE = /\\x([0-9a-f]{2})|\\([\\bfnrt])|([\x20-\x5b\x5d\x5f-\x7e]+)/gy;

/**
 * The bytes of a name, as lsof prints it in the C locale: `\\`, `\n` and the like, `\xff` for what is not ASCII.
 * Undefined for anything else, and for `^`: lsof writes a control character as `^X`, and a circumflex as itself.
 */
export function unescapeName(text: string): Uint8Array | undefined {
  const bytes: Buffer[] = [];
  PIECE.lastIndex = 0;
  for (let at = 0; at < text.length; at = PIECE.lastIndex) {
    const match = PIECE.exec(text);
    if (match === null) return undefined;
    const [, hex, escape, plain] = match;
    if (plain !== undefined) bytes.push(Buffer.from(plain, 'latin1'));
    else bytes.push(Buffer.of(hex === undefined ? (ESCAPES[escape ?? ''] ?? 0) : Number.parseInt(hex, 16)));
  }
  return Buffer.concat(bytes);
}
