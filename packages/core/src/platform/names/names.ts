import { PortcullisError } from '../../errors.js';
import { unknown, type Unknown } from '../../evidence.js';
import type { SelectorKey, SelectorValue } from '../../selector.js';
import { readDatabase, type Database } from './database.js';

/**
 * Asks the system's own services (LDAP, SSSD, Open Directory) for the id of a name; undefined when they say that there is
 * none. Rejects with PortcullisError `NAME_UNRESOLVED` when they do not answer.
 */
export type AskSystem = (database: Database, name: string) => Promise<number | undefined>;

/**
 * Names of users and groups. Ids that the local files name are known by them; names that a policy mentions are resolved
 * through the system's own services when it loads and on the gate's timer, so that none of those stands on the accept path.
 * An id that neither knows is spelled `#1234`, which no name is: comparing it with the policy's names is then still exact.
 */
export class Names {
  readonly #ask: AskSystem;
  #users: Table = EMPTY;
  #groups: Table = EMPTY;

  constructor(ask: AskSystem) {
    this.#ask = ask;
  }

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
    const users = await resolve(this.#ask, 'passwd', [literals.get('unix:user')], warnings);
    const groups = await resolve(this.#ask, 'group', [literals.get('unix:group'), literals.get('unix:supplementary_group')], warnings);
    // Both or neither: a service that fails between them leaves what was resolved before.
    this.#users = users;
    this.#groups = groups;
    return warnings;
  }
}

interface Table {
  readonly byId: ReadonlyMap<number, string>;
  /** A name of the policy that nobody knew: no such user, or a directory that is away, which no service tells apart. */
  readonly unresolved: string | undefined;
}

const EMPTY: Table = { byId: new Map(), unresolved: undefined };

/** An id without a name could be the one whose name could not be resolved: then it is unknown, never another (I4). */
function nameOf(id: number, { byId, unresolved }: Table): string | Unknown {
  const name = byId.get(id);
  if (name !== undefined) return name;
  return unresolved === undefined ? `#${String(id)}` : unknown('service-down', `nobody could say whether ${String(id)} is \`${unresolved}\``);
}

async function resolve(ask: AskSystem, database: Database, literals: readonly (ReadonlySet<SelectorValue> | undefined)[], warnings: string[]): Promise<Table> {
  const wanted = new Set(literals.flatMap((values) => [...(values ?? [])].map(String)));
  const ids = readDatabase(database);
  const byId = new Map<number, string>();
  for (const [name, id] of ids) if (!byId.has(id)) byId.set(id, name);
  const named = new Map<number, string>();
  let unresolved: string | undefined;
  for (const name of wanted) {
    const id = ids.get(name) ?? (await ask(database, name));
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
