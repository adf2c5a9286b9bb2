import { PortcullisError, runTrusted } from '@portcullis/core';
import type { AskSystem } from '@portcullis/core/platform';

const GETENT = '/usr/bin/getent';
/** getent(1): the key was not found, as opposed to a service that does not answer. */
const NOT_FOUND = 2;

/** The id that the name service switch knows a name by (LDAP, SSSD); undefined when it says that there is none. */
export const askGetent: AskSystem = async (database, name) => {
  if (name.startsWith('-')) return undefined;
  const result = await runTrusted(GETENT, [database, name], { timeoutMs: 5000, mostBytes: 65_536 });
  if (result.code === NOT_FOUND) return undefined;
  const fields = result.code === 0 ? result.stdout.split(':') : [];
  if (fields[0] !== name || !/^[0-9]{1,10}$/.test(fields[2] ?? '')) {
    throw new PortcullisError('NAME_UNRESOLVED', `\`${GETENT} ${database} ${name}\` did not answer: exit ${String(result.code)}`, { facts: { name, database } });
  }
  return Number(fields[2]);
};
