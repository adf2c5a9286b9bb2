import { PortcullisError, runTrusted, type SelectorKey, type SelectorValue } from '@portcullis/core';
import { readDatabase, type Database } from './database.js';

const GETENT = '/usr/bin/getent';
/** getent(1): the key was not found, as opposed to a service that does not answer. */
const NOT_FOUND = 2;

/**
 * Names of users and groups. Ids that the local files name are known by them; names that a policy mentions are resolved
 * through the system's own services when it loads and on the gate's timer, so that none of those stands on the accept path.
 * An id that neither knows is spelled `#1234`, which no name is: comparing it with the policy's names is then still exact.
 */
export class Names {
  #users: ReadonlyMap<number, string> = new Map();
  #groups: ReadonlyMap<number, string> = new Map();

  user(uid: number): string {
    return this.#users.get(uid) ?? `#${String(uid)}`;
  }

  group(gid: number): string {
    return this.#groups.get(gid) ?? `#${String(gid)}`;
  }

  /**
   * Resolves the names that a policy mentions. Returns a warning for each that this host does not have.
   * @throws PortcullisError `NAME_UNRESOLVED` when the service that would know one does not answer.
   */
  async prepare(literals: ReadonlyMap<SelectorKey, ReadonlySet<SelectorValue>>): Promise<readonly string[]> {
    const warnings: string[] = [];
    const users = await resolve('passwd', [literals.get('unix:user')], warnings);
    const groups = await resolve('group', [literals.get('unix:group'), literals.get('unix:supplementary_group')], warnings);
    // Both or neither: a service that fails between them leaves what was resolved before.
    this.#users = users;
    this.#groups = groups;
    return warnings;
  }
}

async function resolve(database: Database, literals: readonly (ReadonlySet<SelectorValue> | undefined)[], warnings: string[]): Promise<ReadonlyMap<number, string>> {
  const wanted = new Set(literals.flatMap((values) => [...(values ?? [])].map(String)));
  const ids = readDatabase(database);
  const byId = new Map<number, string>();
  for (const [name, id] of ids) if (!byId.has(id)) byId.set(id, name);
  for (const name of wanted) {
    const id = ids.get(name) ?? (await askSystem(database, name));
    // Two names of one id: the one that the policy says is the one to compare with.
    if (id === undefined) warnings.push(`this host has no ${database === 'passwd' ? 'user' : 'group'} \`${name}\`: no peer will match it`);
    else byId.set(id, name);
  }
  return byId;
}

/** The id that the name service switch knows a name by (LDAP, SSSD); undefined when it says that there is none. */
async function askSystem(database: Database, name: string): Promise<number | undefined> {
  if (name.startsWith('-')) return undefined;
  const result = await runTrusted(GETENT, [database, name], { timeoutMs: 5000, mostBytes: 65_536 });
  if (result.code === NOT_FOUND) return undefined;
  const fields = result.code === 0 ? result.stdout.split(':') : [];
  if (fields[0] !== name || !/^[0-9]{1,10}$/.test(fields[2] ?? '')) {
    throw new PortcullisError('NAME_UNRESOLVED', `\`${GETENT} ${database} ${name}\` did not answer: exit ${String(result.code)}`, { facts: { name, database } });
  }
  return Number(fields[2]);
}
