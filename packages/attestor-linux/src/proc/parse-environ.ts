import { Buffer } from 'node:buffer';
import { ABSENT, unknown, type Absent, type Present, type Unknown } from '@portcullis/core';
import { asBuffer, decodeText } from './decode.js';

/** A value past this is not looked at. */
const MAX_VALUE_BYTES = 64 * 1024;

/**
 * One variable of `/proc/PID/environ` (proc_pid_environ(5)), as libc's getenv finds it: the first `NAME=` wins, an entry
 * without `=` is none. Only that one value is decoded, and no other leaves this function (I10).
 *
 * The block is the process's memory: whatever is read here is peer-asserted. `complete` says that `bytes` is the whole file;
 * where it is not, what is not found is unknown (`limit`), never absent (I4).
 */
export function lookupEnviron(bytes: Uint8Array, name: string, complete: boolean): Present | Absent | Unknown {
  const buffer = asBuffer(bytes);
  const wanted = Buffer.from(`${name}=`);
  // A name with `=` would match inside of a value; an empty one is not in anyone's environment.
  if (name === '' || name.includes('=') || name.includes('\0')) return ABSENT;
  for (let start = 0; start < buffer.length; ) {
    const nul = buffer.indexOf(0, start);
    if (nul < 0 && !complete) return unknown('limit', 'environment longer than what is read');
    const end = nul < 0 ? buffer.length : nul;
    if (startsWith(buffer, wanted, start, end)) return valueOf(buffer.subarray(start + wanted.length, end));
    start = end + 1;
  }
  return complete ? ABSENT : unknown('limit', 'environment longer than what is read');
}

function startsWith(buffer: Buffer, wanted: Buffer, start: number, end: number): boolean {
  const stop = start + wanted.length;
  return stop <= end && buffer.compare(wanted, 0, wanted.length, start, stop) === 0;
}

function valueOf(bytes: Uint8Array): Present | Unknown {
  if (bytes.byteLength > MAX_VALUE_BYTES) return unknown('limit', 'value longer than 64 KiB');
  const value = decodeText(bytes);
  return value === undefined ? unknown('undecodable', 'value is not UTF-8') : { state: 'present', values: [value] };
}
