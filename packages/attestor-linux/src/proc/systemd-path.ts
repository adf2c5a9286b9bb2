/** A cgroup path without its leading slash, divided at the others; `[]` is the root. */
export type Segments = readonly string[];

/** What systemd makes of a path: basic/cgroup-util.c, and "The new control group interfaces" on the unit types. */
export interface SystemdPlace {
  /** The unit of the *system's* manager, as systemd spells it: `ssh.service`, `user@1000.service`, `session-3.scope`. */
  readonly unit?: string;
  /** The innermost slice of the system's manager: `system-getty.slice`. */
  readonly slice?: string;
  /** The unit of a user's own manager below `user@<uid>.service`: that user may call any process anything. */
  readonly userUnit?: string;
}

/** UNIT_NAME_MAX, and VALID_CHARS with `@` (basic/unit-name.c). Escapes like `\x2d` are part of the name and stay. */
const UNIT = /^[A-Za-z0-9:_.\\@-]{1,240}\.(?:service|scope|socket|mount|swap)$/;
const SLICE = /^[A-Za-z0-9:_.\\-]{1,249}\.slice$/;
const USER_MANAGER = /^user@[0-9]{1,10}\.service$/;

export function segmentsOf(path: string): Segments {
  return path === '/' ? [] : path.slice(1).split('/');
}

/**
 * How many leading segments are slices, each inside the one that its name says: `a.slice/a-b.slice`. Slices belong to a manager
 * and are never delegated, so a group directly below them was made by that manager, or by root.
 */
export function slicesLeading(segments: Segments): number {
  let depth = 0;
  let parent = '';
  for (const segment of segments) {
    const prefix = SLICE.test(segment) ? segment.slice(0, -'.slice'.length) : '';
    const dash = prefix.lastIndexOf('-');
    if (prefix === '' || (dash < 0 ? '' : prefix.slice(0, dash)) !== parent) break;
    parent = prefix;
    depth += 1;
  }
  return depth;
}

/**
 * The *first* name after the slices is the unit (cg_path_get_unit). Not the innermost: a service with Delegate=yes may make
 * groups below its own with any name, `sshd.service` included.
 */
export function systemdPlace(segments: Segments): SystemdPlace {
  const depth = slicesLeading(segments);
  const slice = segments[depth - 1];
  const unit = depth > 0 || segments[0] === 'init.scope' ? unitName(segments[depth]) : undefined;
  const userUnit = userUnitOf(segments, depth);
  return { ...(unit !== undefined && { unit }), ...(slice !== undefined && { slice }), ...(userUnit !== undefined && { userUnit }) };
}

/** cg_path_get_user_unit: `user.slice/user-1000.slice/user@1000.service/app.slice/<unit>`. */
function userUnitOf(segments: Segments, depth: number): string | undefined {
  if (segments[0] !== 'user.slice' || !USER_MANAGER.test(segments[depth] ?? '')) return undefined;
  const below = segments.slice(depth + 1);
  return unitName(below[slicesLeading(below)]);
}

/** systemd puts a `_` before a name that could be taken for a file of the hierarchy's own (cg_unescape). */
function unitName(segment: string | undefined): string | undefined {
  const name = segment?.startsWith('_') === true ? segment.slice(1) : segment;
  return name !== undefined && UNIT.test(name) ? name : undefined;
}
