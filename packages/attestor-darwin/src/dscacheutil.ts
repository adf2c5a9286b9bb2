import { PortcullisError, runTrusted } from '@portcullis/core';
import type { AskSystem } from '@portcullis/core/platform';

const DSCACHEUTIL = '/usr/bin/dscacheutil';

/** The id that Open Directory knows a name by; undefined when it says that there is none. */
export const askDirectory: AskSystem = async (database, name) => {
  if (name.startsWith('-')) return undefined;
  const { code, stdout } = await runTrusted(DSCACHEUTIL, ['-q', database === 'passwd' ? 'user' : 'group', '-a', 'name', name], { timeoutMs: 5000, mostBytes: 1 << 20 });
  const id = code === 0 ? parseEntry(database, name, stdout) : 'no-answer';
  if (id !== 'no-answer') return id;
  throw new PortcullisError('NAME_UNRESOLVED', `\`${DSCACHEUTIL}\` did not answer for \`${name}\`: exit ${String(code)}`, { facts: { name, database } });
};

/** The id in an entry of `name: value` lines; undefined for an empty answer, which means that there is none. */
export function parseEntry(database: 'passwd' | 'group', name: string, text: string): number | undefined | 'no-answer' {
  if (text.trim() === '') return undefined;
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, field, value] = /^([a-z]+): (.*)$/.exec(line) ?? [];
    // the first entry counts: a second one begins with a name again
    if (field === undefined || value === undefined) continue;
    if (fields.has(field)) break;
    fields.set(field, value);
  }
  const id = fields.get(database === 'passwd' ? 'uid' : 'gid') ?? '';
  // Open Directory ignores case in names, and a name of the policy is compared exactly
  return fields.get('name') === name && /^-?[0-9]{1,10}$/.test(id) ? Number(id) >>> 0 : 'no-answer';
}
