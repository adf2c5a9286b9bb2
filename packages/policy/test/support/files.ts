import { fileURLToPath } from 'node:url';

/** A path below the package's `test` folder: fixtures are read where they stand, not copied. */
export function testPath(path: string): string {
  return fileURLToPath(new URL(`../../test/${path}`, import.meta.url));
}

/** A path below the root of the repository. */
export function rootPath(path: string): string {
  return fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
}
