/** A value of a document with its place: offsets and lengths are UTF-16 units of the source. */
export type DocNode = DocScalar | DocList | DocMap;

export interface DocScalar {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  readonly offset: number;
  readonly length: number;
}

export interface DocList {
  readonly kind: 'list';
  readonly items: readonly DocNode[];
  readonly offset: number;
  readonly length: number;
}

export interface DocMap {
  readonly kind: 'map';
  /** In the order of the source. A `Map` inherits nothing, whatever its keys are called. */
  readonly entries: ReadonlyMap<string, DocEntry>;
  readonly offset: number;
  readonly length: number;
}

/** An entry is a span itself: that of its key. */
export interface DocEntry {
  readonly key: string;
  readonly offset: number;
  readonly length: number;
  readonly value: DocNode;
}

/** Plain data as `JSON.parse` gives it, but for maps without a prototype: `__proto__` is a key like any other. */
export type PlainValue = string | number | boolean | null | readonly PlainValue[] | { readonly [key: string]: PlainValue };

/** The plain data of a node. */
export function toPlain(node: DocNode): PlainValue {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'list':
      return node.items.map(toPlain);
    case 'map': {
      const plain = Object.create(null) as Record<string, PlainValue>;
      for (const [key, entry] of node.entries) plain[key] = toPlain(entry.value);
      return plain;
    }
  }
}

/** The value of a key, where the node is a mapping that has it. */
export function child(node: DocNode | undefined, key: string): DocNode | undefined {
  return node?.kind === 'map' ? node.entries.get(key)?.value : undefined;
}

/** The text of a key's value, where it is text. */
export function textOf(node: DocNode | undefined, key: string): string | undefined {
  const value = child(node, key);
  return value?.kind === 'scalar' && typeof value.value === 'string' ? value.value : undefined;
}

/** The items of a key's value, where it is a list. */
export function itemsOf(node: DocNode | undefined, key: string): readonly DocNode[] {
  const value = child(node, key);
  return value?.kind === 'list' ? value.items : [];
}
