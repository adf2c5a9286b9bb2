/** Something cannot be shown on this machine; the message says why. */
export class NotHere extends Error {
  override readonly name = 'NotHere';
}

/** What a system call says of itself: `EROFS: read-only file system, mkdir …`. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
