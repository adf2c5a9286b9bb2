import { getSystemErrorMap } from 'node:util';

/** Why a file could not be read: the code that one looks up, and what it says. */
export function readErrorOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return 'unknown error';
  const said = 'errno' in error && typeof error.errno === 'number' ? getSystemErrorMap().get(error.errno)?.[1] : undefined;
  return said === undefined ? String(error.code) : `${String(error.code)}, ${said}`;
}
