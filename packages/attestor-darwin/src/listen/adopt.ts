import type { Fd } from '@portcullis/core';
import { failureFacts, refusal } from '@portcullis/core/platform/listen';
import { AF_UNIX, SOCK_STREAM } from '../ffi/constants.js';
import { SysFailure } from '../ffi/errno.js';
import type { Libc } from '../ffi/libc.js';
import { getFamily, getType } from '../ffi/sockopt.js';

const BACKLOG = 511;

/**
 * Checks that `fd` is an AF_UNIX stream socket that listens, before anybody accepts on it (T14). Whether it listens cannot
 * be asked on every macOS (SO_ACCEPTCONN), so it is told to: of a socket that does, listen(2) sets the backlog alone; of a
 * connected or unbound one it fails (EINVAL). Throws `LISTEN_NOT_A_LISTENER`.
 */
export function adopt(libc: Libc, fd: Fd): void {
  const family = getFamily(libc, fd);
  if (family instanceof SysFailure) throw unanswered(fd, family);
  const type = getType(libc, fd);
  if (type instanceof SysFailure) throw unanswered(fd, type);
  const right = family === AF_UNIX && type === SOCK_STREAM;
  const failed = right && libc.listen(fd, BACKLOG) !== 0 ? new SysFailure(`listen(${String(fd)}, ${String(BACKLOG)})`, libc.errno()) : undefined;
  if (right && failed === undefined) return;
  throw refusal({
    code: 'LISTEN_NOT_A_LISTENER',
    message: `descriptor ${String(fd)} is no Unix stream socket that listens`,
    remedy: REMEDY,
    facts: { fd, reason: family !== AF_UNIX ? 'domain' : type !== SOCK_STREAM ? 'type' : 'not-listening', domain: family, type },
    ...(failed === undefined ? {} : { cause: failed }),
  });
}

const REMEDY = 'hand over a socket that was bound to a path and listens, such as one of launchd\'s';

function unanswered(fd: Fd, failure: SysFailure): Error {
  return refusal({
    code: 'LISTEN_NOT_A_LISTENER',
    message: `descriptor ${String(fd)} is no socket that could be looked at`,
    remedy: REMEDY,
    facts: { fd, reason: 'no-socket', ...failureFacts(failure) },
    cause: failure,
  });
}
