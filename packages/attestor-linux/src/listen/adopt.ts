import type { Fd } from '@portcullis/core';
import { AF_UNIX, SOCK_STREAM } from '../ffi/constants.js';
import { SysFailure } from '../ffi/errno.js';
import { getAcceptConn, getDomain, getType } from '../ffi/sockopt.js';
import { failureFacts, refusal } from './refusal.js';

/** Checks that `fd` is an AF_UNIX stream socket that listens, before anybody accepts on it (T14). Throws `LISTEN_NOT_A_LISTENER`. */
export function adopt(fd: Fd): void {
  const domain = getDomain(fd);
  if (domain instanceof SysFailure) throw unanswered(fd, domain);
  const type = getType(fd);
  if (type instanceof SysFailure) throw unanswered(fd, type);
  const listens = getAcceptConn(fd);
  if (listens instanceof SysFailure) throw unanswered(fd, listens);
  if (domain === AF_UNIX && type === SOCK_STREAM && listens) return;
  throw refusal({
    code: 'LISTEN_NOT_A_LISTENER',
    message: `descriptor ${String(fd)} is no Unix stream socket that listens`,
    remedy: REMEDY,
    facts: { fd, reason: domain !== AF_UNIX ? 'domain' : type !== SOCK_STREAM ? 'type' : 'not-listening', domain, type, listens },
  });
}

const REMEDY = 'hand over a socket that was bound to a path and listens, such as one of `ListenStream=/…`';

function unanswered(fd: Fd, failure: SysFailure): Error {
  return refusal({
    code: 'LISTEN_NOT_A_LISTENER',
    message: `descriptor ${String(fd)} is no socket that could be looked at`,
    remedy: REMEDY,
    facts: { fd, reason: 'no-socket', ...failureFacts(failure) },
    cause: failure,
  });
}
