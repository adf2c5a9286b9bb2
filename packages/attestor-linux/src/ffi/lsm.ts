import { LSM_ID_NAMES, SYS_LSM_LIST_MODULES } from './constants.js';
import { SysFailure } from './errno.js';
import { libc } from './libc.js';

/** `lsm_list_modules(ids, &size, 0)`: the security modules that label processes, by name. Linux 6.8. */
export function listLabellingModules(): readonly string[] | SysFailure {
  const ids = new BigUint64Array(Buffer.allocUnsafeSlow(64 * 8).buffer);
  const size = new Uint32Array(Buffer.allocUnsafeSlow(4).buffer);
  size[0] = ids.byteLength;
  const count = libc().syscall(SYS_LSM_LIST_MODULES, libc().addressOf(ids), libc().addressOf(size), 0);
  if (count < 0) return new SysFailure('lsm_list_modules()', libc().errno());
  return [...ids.subarray(0, count)].flatMap((id) => LSM_ID_NAMES.get(Number(id)) ?? []);
}
