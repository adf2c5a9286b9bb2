/** Items filed under text prefixes; a lookup visits those whose prefix the text begins with, in one pass over the text. */
export class PrefixTree<T> {
  readonly #root = new Branch<T>('');

  add(prefix: string, item: T): void {
    let branch = this.#root;
    let rest = prefix;
    while (rest !== '') {
      const first = rest.charCodeAt(0);
      const next = branch.branches.get(first);
      if (next === undefined) {
        const leaf = new Branch<T>(rest);
        branch.branches.set(first, leaf);
        branch = leaf;
        break;
      }
      const shared = sharedLength(rest, next.label);
      if (shared < next.label.length) {
        const upper = new Branch<T>(next.label.slice(0, shared));
        next.label = next.label.slice(shared);
        upper.branches.set(next.label.charCodeAt(0), next);
        branch.branches.set(first, upper);
        branch = upper;
      } else branch = next;
      rest = rest.slice(shared);
    }
    branch.items.push(item);
  }

  /** Pushes onto `into` every item whose prefix `text` begins with. */
  find(text: string, into: T[]): void {
    let branch: Branch<T> | undefined = this.#root;
    for (let at = 0; branch !== undefined; ) {
      for (const item of branch.items) into.push(item);
      // NaN at the end of the text: no branch has it.
      const next: Branch<T> | undefined = branch.branches.get(text.charCodeAt(at));
      branch = next !== undefined && text.startsWith(next.label, at) ? next : undefined;
      at += next?.label.length ?? 0;
    }
  }
}

class Branch<T> {
  label: string;
  readonly items: T[] = [];
  readonly branches = new Map<number, Branch<T>>();

  constructor(label: string) {
    this.label = label;
  }
}

function sharedLength(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}
