import type { Fd } from '@portcullis/core';
import { SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM } from '../ffi/constants.js';
import type { SysFailure } from '../ffi/errno.js';

/** What kind of socket the safe listen makes or takes over. */
export interface SocketPlan {
  readonly type: number;
  readonly what: 'stream' | 'datagram' | 'seqpacket';
  readonly listens: boolean;
  /** Sets what must hold before anybody can find the socket. */
  prepare(fd: Fd): SysFailure | undefined;
}

export const STREAM: SocketPlan = { type: SOCK_STREAM, what: 'stream', listens: true, prepare: () => undefined };

/** A stream socket of whose connections more is asked. */
export function preparedStream(prepare: SocketPlan['prepare']): SocketPlan {
  return { ...STREAM, prepare };
}

export function datagram(prepare: SocketPlan['prepare']): SocketPlan {
  return { type: SOCK_DGRAM, what: 'datagram', listens: false, prepare };
}

export function seqpacket(prepare: SocketPlan['prepare']): SocketPlan {
  return { type: SOCK_SEQPACKET, what: 'seqpacket', listens: true, prepare };
}
