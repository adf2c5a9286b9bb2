/** Fields of a security label, by selector key. */
export type LabelFields = ReadonlyMap<string, string>;

/** `profile (mode)`; `unconfined` has no mode (security/apparmor/label.c, aa_label_snxprint). A profile's name may contain blanks. */
const APPARMOR = /^(.+) \((enforce|complain|kill|mixed|prompt)\)$/s;

/** `user:role:type` and, with MLS, `:level`, which may contain colons (security/selinux/ss/context.h). */
const SELINUX = /^([^:]+):([^:]+):([^:]+)(?::(.+))?$/s;

/** Fields of an AppArmor label; undefined when it has not that form. */
export function parseAppArmorLabel(label: string): LabelFields | undefined {
  const parsed = APPARMOR.exec(label);
  if (parsed?.[1] !== undefined && parsed[2] !== undefined) {
    return new Map([['linux:apparmor-profile', parsed[1]], ['linux:apparmor-mode', parsed[2]]]);
  }
  return label === 'unconfined' ? new Map([['linux:apparmor-profile', label]]) : undefined;
}

/** Fields of an SELinux context. Before a policy is loaded every process is `kernel`, which has no fields. */
export function parseSelinuxLabel(label: string): LabelFields | undefined {
  if (label === 'kernel') return new Map();
  const parsed = SELINUX.exec(label);
  if (parsed === null) return undefined;
  const fields = new Map<string, string>();
  for (const [at, key] of ['linux:selinux-user', 'linux:selinux-role', 'linux:selinux-type', 'linux:selinux-level'].entries()) {
    const value = parsed[at + 1];
    if (value !== undefined) fields.set(key, value);
  }
  return fields;
}
