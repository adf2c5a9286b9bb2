import { readFileSync } from 'node:fs';
import type { Uid } from '../../peer.js';
import { readDatabase } from './database.js';

const FILE = '/etc/subuid';
const LINE = /^(?<owner>[^:]+):(?<first>[0-9]{1,10}):(?<count>[0-9]{1,10})$/;
const NUMBER = /^[0-9]{1,10}$/;
const ROOT = 0;

/** User ids that a user may use beside their own. */
interface Range {
  readonly first: number;
  readonly count: number;
  readonly owner: Uid;
}

/**
 * Whom a user id is counted against (T20). With newuidmap(1) a user takes on the ids that `/etc/subuid` gives them, 65,536 as
 * a rule, and would have as many times what one may have: they all count as their owner's. What root gives to containers
 * is no user's.
 */
export class Accounts {
  /** By their first id. */
  readonly #ranges: readonly Range[];

  constructor(ranges: readonly Range[]) {
    this.#ranges = [...ranges].sort((one, other) => one.first - other.first);
  }

  /** Of subuid(5): lines of `owner:first:count`, the owner by name or by id. A line of another form, or of nobody here, is skipped. */
  static parse(text: string, ids: ReadonlyMap<string, number>): Accounts {
    const ranges: Range[] = [];
    for (const line of text.split('\n')) {
      const { owner = '', first, count } = LINE.exec(line)?.groups ?? {};
      const id = ids.get(owner) ?? (NUMBER.test(owner) ? Number(owner) : ROOT);
      if (id !== ROOT) ranges.push({ first: Number(first), count: Number(count), owner: id as Uid });
    }
    return new Accounts(ranges);
  }

  of(uid: Uid): Uid {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle]?.first ?? Infinity) <= uid) low = middle + 1;
      else high = middle;
    }
    const range = this.#ranges[low - 1];
    return range !== undefined && uid < range.first + range.count ? range.owner : uid;
  }
}

let ofThisHost: Accounts | undefined;

/** By `/etc/subuid` as it was when first asked, so that what was counted against somebody is given back to nobody else. */
export function accountOf(uid: Uid): Uid {
  return (ofThisHost ??= readAccounts()).of(uid);
}

/** A file that is not there, or cannot be read, gives nobody further ids. */
function readAccounts(): Accounts {
  try {
    return Accounts.parse(readFileSync(FILE, 'utf8'), readDatabase('passwd'));
  } catch {
    return new Accounts([]);
  }
}
