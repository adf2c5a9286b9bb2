import { realpathSync } from 'node:fs';

/** With links followed; as it is where there is nothing yet. */
export function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
