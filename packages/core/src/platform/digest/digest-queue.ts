/** What waits, by who asked for it: users take turns, so that one who asks for much delays nobody else. */
export class DigestQueue<Item> {
  /** Whose turn is next comes first. No set is empty. */
  readonly #byUid = new Map<number, Set<Item>>();
  #lastUid: number | undefined;

  /** Puts an item where this user's turn finds it; one may stand in the queues of several. */
  add(uid: number, item: Item): void {
    const items = this.#byUid.get(uid);
    if (items === undefined) this.#byUid.set(uid, new Set([item]));
    else items.add(item);
  }

  remove(uid: number, item: Item): void {
    const items = this.#byUid.get(uid);
    if (items?.delete(item) === true && items.size === 0) this.#byUid.delete(uid);
  }

  /** Takes the first item of the user whose turn it is, out of everybody's queue. */
  take(): Item | undefined {
    const uid = this.#turn();
    const items = uid === undefined ? undefined : this.#byUid.get(uid);
    if (uid === undefined || items === undefined) return undefined;
    this.#lastUid = uid;
    this.#byUid.delete(uid);
    this.#byUid.set(uid, items); // the last in turn from now on
    const [item] = items;
    if (item !== undefined) for (const other of [...this.#byUid.keys()]) this.remove(other, item);
    return item;
  }

  /** Nobody twice in a row while another waits, also one who came when the first turn was already taken. */
  #turn(): number | undefined {
    for (const uid of this.#byUid.keys()) if (uid !== this.#lastUid) return uid;
    return this.#byUid.size > 0 ? this.#lastUid : undefined;
  }
}
