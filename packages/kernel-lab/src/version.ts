/** A kernel's version as far as features go: `6.12` of `6.12.107+deb13-cloud-amd64`. */
export type Version = `${number}.${number}`;

/** @throws Error when the text does not begin like a kernel's release. */
export function versionOf(release: string): Version {
  const found = /^[0-9]{1,3}\.[0-9]{1,3}(?![0-9])/.exec(release);
  if (found === null) throw new Error(`\`${release}\` is not a kernel release`);
  return found[0] as Version;
}

/** Whether a kernel is this new, or newer. */
export function isSince(version: Version, since: Version): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [sinceMajor = 0, sinceMinor = 0] = since.split('.').map(Number);
  return major === sinceMajor ? minor >= sinceMinor : major > sinceMajor;
}
