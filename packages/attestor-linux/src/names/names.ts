import { PortcullisError, runTrusted, unknown, type SelectorKey, type SelectorValue, type Unknown } from '@portcullis/core';
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
  #users: Table = EMPTY;
  #groups: Table = EMPTY;

  user(uid: number): string | Unknown {
    return nameOf(uid, this.#users);
  }

  group(gid: number): string | Unknown {
    return nameOf(gid, this.#groups);
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

interface Table {
  readonly byId: ReadonlyMap<number, string>;
  /** A name of the policy that nobody knew: no such user, or a directory that is away, which getent(1) does not tell apart. */
  readonly unresolved: string | undefined;
}

const EMPTY: Table = { byId: new Map(), unresolved: undefined };

/** An id without a name could be the one whose name could not be resolved: then it is unknown, never another (I4). */
function nameOf(id: number, { byId, unresolved }: Table): string | Unknown {
  const name = byId.get(id);
  if (name !== undefined) return name;
  return unresolved === undefined ? `#${String(id)}` : unknown('service-down', `nobody could say whether ${String(id)} is \`${unresolved}\``);
}

async function resolve(database: Database, literals: readonly (ReadonlySet<SelectorValue> | undefined)[], warnings: string[]): Promise<Table> {
  const wanted = new Set(literals.flatMap((values) => [...(values ?? [])].map(String)));
  const ids = readDatabase(database);
  const byId = new Map<number, string>();
  for (const [name, id] of ids) if (!byId.has(id)) byId.set(id, name);
  const named = new Map<number, string>();
  let unresolved: string | undefined;
  for (const name of wanted) {
    const id = ids.get(name) ?? (await askSystem(database, name));
    if (id === undefined) {
      unresolved ??= name;
      warnings.push(`this host has no ${database === 'passwd' ? 'user' : 'group'} \`${name}\`: no peer will match it`);
      continue;
    }
    const other = named.get(id);
    if (other !== undefined) {
      throw new PortcullisError('NAME_AMBIGUOUS', `\`${other}\` and \`${name}\` are both id ${String(id)}: name one of them, or the id`, { facts: { database, id } });
    }
    named.set(id, name);
    byId.set(id, name); // of two names of one id, the one that the policy says is the one to compare with
  }
  return { byId, unresolved };
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
