import { readFileSync } from 'node:fs';
import { PortcullisError, runTrusted } from '@portcullis/core';

const GETENT = '/usr/bin/getent';
const NUMBER = /^[0-9]{1,10}$/;

/**
 * The id of a group: a number, a name of `/etc/group`, or one that the name services know (I9: by absolute path). Asked at
 * start only.
 * @throws PortcullisError `NAME_UNRESOLVED`
 */
export async function resolveGroup(name: string): Promise<number> {
  if (NUMBER.test(name)) return Number(name);
  const id = inFile(name) ?? (await inServices(name));
  if (id === undefined) throw new PortcullisError('NAME_UNRESOLVED', `this host has no group \`${name}\``, { facts: { name, database: 'group' } });
  return id;
}

function inFile(name: string): number | undefined {
  try {
    return idIn(readFileSync('/etc/group', 'utf8'), name);
  } catch {
    return undefined;
  }
}

async function inServices(name: string): Promise<number | undefined> {
  if (name.startsWith('-')) return undefined;
  try {
    const { stdout } = await runTrusted(GETENT, ['group', name], { timeoutMs: 5000, mostBytes: 65_536 });
    return idIn(stdout, name);
  } catch (cause) {
    throw new PortcullisError('NAME_UNRESOLVED', `cannot ask the name services for group \`${name}\``, { cause, facts: { name, database: 'group' } });
  }
}

/** group(5): `name:password:id:members`. */
function idIn(text: string, name: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${name}:`));
  const id = line?.split(':')[2];
  return id !== undefined && NUMBER.test(id) ? Number(id) : undefined;
}
