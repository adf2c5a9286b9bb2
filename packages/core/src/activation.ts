import { PortcullisError } from './errors.js';
import type { Fd } from './peer.js';

/** The first descriptor that systemd passes: sd_listen_fds(3). */
const FIRST_FD = 3;

/**
 * The descriptor that the service manager passed under `name` (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES; sd_listen_fds(3)).
 * Names are compared exactly.
 * @throws PortcullisError `LISTEN_ACTIVATION` when nothing, something for another process, or two under one name came.
 */
export function activatedFd(name: string, environment: NodeJS.ProcessEnv = process.env, pid = process.pid): Fd {
  const facts = { name, LISTEN_PID: environment['LISTEN_PID'], LISTEN_FDS: environment['LISTEN_FDS'], LISTEN_FDNAMES: environment['LISTEN_FDNAMES'] };
  const count = wholeNumber(environment['LISTEN_FDS']);
  if (count === undefined || count === 0) {
    throw new PortcullisError('LISTEN_ACTIVATION', `no socket was passed to this process: \`LISTEN_FDS\` is ${facts.LISTEN_FDS ?? 'not set'}`, { facts });
  }
  if (wholeNumber(environment['LISTEN_PID']) !== pid) {
    throw new PortcullisError('LISTEN_ACTIVATION', `the sockets were passed to process ${facts.LISTEN_PID ?? '(none)'}, and this is ${String(pid)}`, { facts });
  }
  const names = (environment['LISTEN_FDNAMES'] ?? '').split(':');
  const at = names.indexOf(name);
  if (at < 0 || at >= count) {
    throw new PortcullisError('LISTEN_ACTIVATION', `no socket is named \`${name}\`; the names are \`${names.join('`, `')}\``, { facts });
  }
  if (names.includes(name, at + 1)) {
    throw new PortcullisError('LISTEN_ACTIVATION', `two sockets are named \`${name}\``, { facts });
  }
  return (FIRST_FD + at) as Fd;
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]{1,7}$/.test(text) ? Number(text) : undefined;
}
