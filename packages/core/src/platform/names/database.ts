import { readFileSync } from 'node:fs';
import { PortcullisError } from '../../errors.js';

export type Database = 'passwd' | 'group';

/** Ids by name from `/etc/passwd` or `/etc/group` (passwd(5), group(5)). The first line of a name counts, as for libc. */
export function readDatabase(database: Database): ReadonlyMap<string, number> {
  const path = `/etc/${database}`;
  try {
    return parseDatabase(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new PortcullisError('NAME_UNRESOLVED', `cannot read \`${path}\``, { cause });
  }
}

/** `name:password:id:…` lines; a line that is not of that form is skipped. */
export function parseDatabase(text: string): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [name, , id] = line.split(':');
    if (name === undefined || name === '' || name.startsWith('#') || id === undefined || !/^[0-9]{1,10}$/.test(id)) continue;
    if (!ids.has(name)) ids.set(name, Number(id));
  }
  return ids;
}
