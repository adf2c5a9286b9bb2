import { AF_UNIX } from './constants.js';

/** `sun_path` has 108 bytes, the last of which we keep for a NUL (linux/un.h). */
export const SUN_PATH = 107;

/** `struct sockaddr_un` (linux/un.h): u16 family in the host's order, then the path, then NUL. */
export function unixAddress(path: string): Uint8Array {
  const bytes = Buffer.from(`${path}\0`, 'utf8');
  const address = new Uint8Array(2 + bytes.length);
  address.set(new Uint8Array(Uint16Array.of(AF_UNIX).buffer));
  address.set(bytes, 2);
  return address;
}
