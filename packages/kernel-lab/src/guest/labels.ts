import { readFileSync, writeFileSync } from 'node:fs';
import type { Module } from '../series.js';

/** The profile and the context that `policies/` has, as a process asks for them before an exec. */
export const CONFINED = {
  apparmor: 'exec portcullis-lab',
  selinux: 'lab_u:lab_r:lab_peer_t:s0:c0',
} as const satisfies Record<Module, string>;

/** What a process under it asks for that would set it free at its next exec: both policies forbid that. */
export const FREE = {
  apparmor: 'exec unconfined',
  selinux: 'lab_u:lab_r:lab_boot_t:s0',
} as const satisfies Record<Module, string>;

/** Gives the module the policy that the host compiled, in one write as the kernel wants it, and has SELinux enforce it. */
export function loadPolicy(module: Module): void {
  const to = { apparmor: '/sys/kernel/security/apparmor/.load', selinux: '/sys/fs/selinux/load' }[module];
  writeFileSync(to, readFileSync(`/lab/${module}.policy`));
  if (module === 'selinux') writeFileSync('/sys/fs/selinux/enforce', '1');
}
