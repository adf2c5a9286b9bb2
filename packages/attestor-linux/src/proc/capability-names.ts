/** Bit by bit, linux/capability.h of Linux 6.18; CAP_CHECKPOINT_RESTORE (40, Linux 5.9) is the last. */
const NAMES = [
  'cap_chown',
  'cap_dac_override',
  'cap_dac_read_search',
  'cap_fowner',
  'cap_fsetid',
  'cap_kill',
  'cap_setgid',
  'cap_setuid',
  'cap_setpcap',
  'cap_linux_immutable',
  'cap_net_bind_service',
  'cap_net_broadcast',
  'cap_net_admin',
  'cap_net_raw',
  'cap_ipc_lock',
  'cap_ipc_owner',
  'cap_sys_module',
  'cap_sys_rawio',
  'cap_sys_chroot',
  'cap_sys_ptrace',
  'cap_sys_pacct',
  'cap_sys_admin',
  'cap_sys_boot',
  'cap_sys_nice',
  'cap_sys_resource',
  'cap_sys_time',
  'cap_sys_tty_config',
  'cap_mknod',
  'cap_lease',
  'cap_audit_write',
  'cap_audit_control',
  'cap_setfcap',
  'cap_mac_override',
  'cap_mac_admin',
  'cap_syslog',
  'cap_wake_alarm',
  'cap_block_suspend',
  'cap_audit_read',
  'cap_perfmon',
  'cap_bpf',
  'cap_checkpoint_restore',
] as const;

/** `cap_net_admin` of bit 12; a bit that is newer than this table is spelled by its number, as capsh does: `cap_41`. */
export function capabilityName(bit: number): string {
  return NAMES[bit] ?? `cap_${String(bit)}`;
}

/** The names of a set, lowest bit first, from the 16 hex digits of a `Cap…:` line (render_cap_t in fs/proc/array.c). */
export function capabilityNames(hex: string): readonly string[] | undefined {
  if (!/^[0-9a-f]{16}$/.test(hex)) return undefined;
  const names: string[] = [];
  addNames(names, Number.parseInt(hex.slice(8), 16), 0);
  addNames(names, Number.parseInt(hex.slice(0, 8), 16), 32);
  return names;
}

function addNames(names: string[], half: number, base: number): void {
  for (let bit = 0; bit < 32; bit += 1) {
    if (((half >>> bit) & 1) === 1) names.push(capabilityName(base + bit));
  }
}
