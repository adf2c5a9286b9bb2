import { LISTEN_EXCEPTIONS, type BindOptions, type ListenException } from '../../listener.js';
import { refusal } from './refusal.js';

/** `BindOptions` with every default filled in and every number checked. */
export interface SettledOptions {
  readonly path: string;
  readonly mode: number;
  readonly gid: number | undefined;
  readonly backlog: number;
  readonly granted: ReadonlySet<ListenException>;
}

const DEFAULT_MODE = 0o600;
const DEFAULT_BACKLOG = 511; // what node:net asks for; the kernel caps it at net.core.somaxconn, or kern.ipc.somaxconn
const LARGEST_GID = 0xffff_fffe; // (gid_t) -1 means "leave it" to chown(2)

/** Throws `LISTEN_OPTIONS`. */
export function settle(options: BindOptions): SettledOptions {
  const { path, mode = DEFAULT_MODE, gid, backlog = DEFAULT_BACKLOG, exceptions = [] } = options;
  checkNumber(path, 'mode', mode, 0, 0o777); // set-id and sticky bits mean nothing on a socket
  if (gid !== undefined) checkNumber(path, 'gid', gid, 0, LARGEST_GID);
  checkNumber(path, 'backlog', backlog, 1, 0x7fff_ffff);
  const unknown = exceptions.find((name) => !LISTEN_EXCEPTIONS.includes(name));
  if (unknown !== undefined) {
    throw refusal({
      code: 'LISTEN_OPTIONS',
      message: `no exception is called \`${unknown}\``,
      remedy: `name one of ${LISTEN_EXCEPTIONS.join(', ')}`,
      facts: { path, option: 'exceptions', value: unknown },
    });
  }
  return { path, mode, gid, backlog, granted: new Set(exceptions) };
}

function checkNumber(path: string, option: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw refusal({
    code: 'LISTEN_OPTIONS',
    message: `\`${option}\` cannot be ${String(value)}`,
    remedy: `give a whole number from ${String(least)} to ${String(most)}`,
    facts: { path, option, value },
  });
}
