import { AF_UNIX } from './constants.js';

/** `sun_path` has 104 bytes (bsd/sys/un.h), the last of which we keep for a NUL. */
export const SUN_PATH = 103;

/** `struct sockaddr_un`: u8 length, u8 family, then the path, which ends with the length. At most `SUN_PATH` bytes of it. */
export function unixAddress(path: string): Uint8Array {
  const bytes = Buffer.from(path, 'utf8');
  return Buffer.concat([Buffer.of(2 + bytes.length, AF_UNIX), bytes]);
}
