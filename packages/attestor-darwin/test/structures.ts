import { AUDIT_TOKEN_SIZE, XUCRED_SIZE } from '../dist/ffi/layout.js';

/** A `struct xucred` as the kernel would lay it out. */
export function xucredBytes({ version = 0, uid = 501, groups = [20] }: { version?: number; uid?: number; groups?: number[] }): Buffer {
  const bytes = Buffer.alloc(XUCRED_SIZE);
  bytes.writeUInt32LE(version, 0);
  bytes.writeUInt32LE(uid, 4);
  bytes.writeInt16LE(groups.length, 8);
  groups.forEach((group, index) => bytes.writeUInt32LE(group, 12 + 4 * index));
  return bytes;
}

/** An `audit_token_t` as the kernel would lay it out. */
export function auditTokenBytes({ euid = 501, pid = 812, pidVersion = 1 }: { euid?: number; pid?: number; pidVersion?: number }): Buffer {
  const bytes = Buffer.alloc(AUDIT_TOKEN_SIZE);
  [501, euid, 20, 501, 20, pid, 100_000, pidVersion].forEach((word, index) => bytes.writeUInt32LE(word, 4 * index));
  return bytes;
}

/** An answer to CS_OPS_TEAMID or CS_OPS_IDENTITY: a header with the whole length in network order, the text, a NUL. */
export function csTextBytes(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text as string);
  const header = Buffer.alloc(8);
  header.writeUInt32BE(bytes.length + 9, 4);
  return Buffer.concat([header, bytes, Buffer.alloc(1)]);
}
