import type { Fd } from '@portcullis/core';
import { failureFacts, refusal } from '@portcullis/core/platform/listen';
import { AF_UNIX } from '../ffi/constants.js';
import { SysFailure } from '../ffi/errno.js';
import { getAcceptConn, getDomain, getType } from '../ffi/sockopt.js';
import { STREAM } from './socket-plan.js';

/** Checks that `fd` is an AF_UNIX socket of the kind, and listens where the kind does, before anybody reads of it (T14). Throws `LISTEN_NOT_A_LISTENER`. */
export function adopt(fd: Fd, plan = STREAM): void {
  const domain = getDomain(fd);
  if (domain instanceof SysFailure) throw unanswered(fd, domain);
  const type = getType(fd);
  if (type instanceof SysFailure) throw unanswered(fd, type);
  const listens = getAcceptConn(fd);
  if (listens instanceof SysFailure) throw unanswered(fd, listens);
  if (domain === AF_UNIX && type === plan.type && listens === plan.listens) return;
  throw refusal({
    code: 'LISTEN_NOT_A_LISTENER',
    message: `descriptor ${String(fd)} is no Unix ${plan.what} socket${plan.listens ? ' that listens' : ''}`,
    remedy: plan === STREAM ? REMEDY : REMEDY_MESSAGES,
    facts: { fd, reason: domain !== AF_UNIX ? 'domain' : type !== plan.type ? 'type' : 'not-listening', domain, type, listens },
  });
}

const REMEDY = 'hand over a socket that was bound to a path and listens, such as one of `ListenStream=/…`';
const REMEDY_MESSAGES = 'hand over a socket that was bound to a path, such as one of `ListenDatagram=/…` or `ListenSequentialPacket=/…`';

function unanswered(fd: Fd, failure: SysFailure): Error {
  return refusal({
    code: 'LISTEN_NOT_A_LISTENER',
    message: `descriptor ${String(fd)} is no socket that could be looked at`,
    remedy: REMEDY,
    facts: { fd, reason: 'no-socket', ...failureFacts(failure) },
    cause: failure,
  });
}
