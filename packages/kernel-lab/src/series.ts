/** A security module that labels processes. */
export type Module = 'apparmor' | 'selinux';

/** One column of the lab: a Debian suite, and the kernel that it has. */
export interface Series {
  /** `6.12`, or `newest`: whatever that suite has today. */
  readonly name: string;
  readonly suite: string;
  /** What it is booted with, one after the other. */
  readonly modules: readonly Module[];
}

export const SERIES: readonly Series[] = [
  { name: '5.10', suite: 'bullseye', modules: ['apparmor'] },
  { name: '6.1', suite: 'bookworm', modules: ['apparmor', 'selinux'] },
  { name: '6.12', suite: 'trixie', modules: ['apparmor'] },
  { name: 'newest', suite: 'trixie-backports', modules: ['apparmor', 'selinux'] },
];

/** `newest` is no older than this: an empty backports suite must not pass for a new kernel. */
export const NEWEST_AT_LEAST = '6.17';
