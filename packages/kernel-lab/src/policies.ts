import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './run.js';
import type { Module } from './series.js';

const SOURCES = join(import.meta.dirname, '../policies');
/** The oldest kernel of the lab, 5.10, reads up to 33. */
const SELINUX_POLICY_VERSION = '31';

/** Compiles both policies as the kernel takes them. Nothing of this machine's own is read or changed. */
export function compilePolicies(): Readonly<Record<Module, Buffer>> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-policies-'));
  try {
    const [profile, policy] = [join(folder, 'apparmor'), join(folder, 'selinux')];
    // -Q, -K: neither into this kernel nor into this system's cache
    run('/sbin/apparmor_parser', ['-Q', '-K', '--ofile', profile, join(SOURCES, 'apparmor')]);
    // -M: with levels; -U allow: what the policy does not declare is allowed
    run('/usr/bin/checkpolicy', ['-M', '-U', 'allow', '-c', SELINUX_POLICY_VERSION, '-o', policy, join(SOURCES, 'selinux.conf')]);
    return { apparmor: readFileSync(profile), selinux: readFileSync(policy) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
