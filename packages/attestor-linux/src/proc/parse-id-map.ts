import { decodeText, MAX_U32, parseUint } from './decode.js';

/** `count` ids from `inside` on are `outside` and the following, in the namespace of who reads (of the parent, in one's own map). */
export interface IdExtent {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** UID_GID_MAP_MAX_EXTENTS: linux/user_namespace.h. */
const MAX_EXTENTS = 340;

/** `/proc/PID/uid_map` or `gid_map` (user_namespaces(7)), empty before it is written; `undefined` when it has not that shape. */
export function parseIdMap(bytes: Uint8Array): readonly IdExtent[] | undefined {
  const text = decodeText(bytes, MAX_EXTENTS * 40);
  if (text === undefined) return undefined;
  if (text === '') return [];
  if (!text.endsWith('\n')) return undefined;
  const lines = text.slice(0, -1).split('\n');
  const extents = lines.map(extentOf).filter((extent) => extent !== undefined);
  return extents.length === lines.length && lines.length <= MAX_EXTENTS ? extents : undefined;
}

/**
 * Whether every id is itself: `0 0 4294967295`, in one extent or in several. Only then is no id an overflow id, and 65534 is
 * a user like any other (T13).
 */
export function isFullIdentity(extents: readonly IdExtent[]): boolean {
  let next = 0;
  for (const { inside, outside, count } of [...extents].sort((a, b) => a.inside - b.inside)) {
    if (inside !== next || outside !== inside) return false;
    next += count;
  }
  // 4294967295 itself is (uid_t) -1, which is nobody's and is never mapped.
  return next === MAX_U32;
}

function extentOf(line: string): IdExtent | undefined {
  const fields = /^ *([0-9]+) +([0-9]+) +([0-9]+)$/.exec(line);
  const inside = parseUint(fields?.[1], MAX_U32);
  const outside = parseUint(fields?.[2], MAX_U32);
  const count = parseUint(fields?.[3], MAX_U32);
  if (inside === undefined || outside === undefined || count === undefined || count === 0) return undefined;
  return { inside, outside, count };
}
