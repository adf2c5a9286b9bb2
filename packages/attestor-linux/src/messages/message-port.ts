import { PortcullisError, type BindOptions, type BoundSocket, type Fd, type MessageLimits, type MessageListener, type MessagePort, type MessageSocket, type MessageSocketKind } from '@portcullis/core';
import { probeCapabilities, type Capabilities } from '../capabilities.js';
import type { SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import { MessageMemory } from '../ffi/recvmsg.js';
import { setNonBlocking } from '../ffi/sockopt.js';
import { adopt } from '../listen/adopt.js';
import { bind } from '../listen/listen-port.js';
import { datagram, seqpacket } from '../listen/socket-plan.js';
import type { PeerSourceOptions } from '../peer-source.js';
import { MessageAcceptor } from './message-acceptor.js';
import { MessageReader, type ReaderParts } from './message-reader.js';
import { LinuxMessageSource } from './message-source.js';
import { nameSendersOnly } from './passing.js';
import { Turns } from './turns.js';

/**
 * Room for what the kernel says of one message: credentials 32 bytes, a label of at most a page, SCM_MAX_FD (253)
 * descriptors 1032, a pidfd 24.
 */
const CONTROL_BYTES = 8192;

/** Receives from AF_UNIX datagram and seqpacket sockets. */
export class LinuxMessagePort implements MessagePort {
  readonly peerSource: LinuxMessageSource;
  readonly #capabilities: Capabilities;

  /** @throws PortcullisError `PLATFORM_UNSUPPORTED`, `PLATFORM_PROBE` */
  constructor({ self, capabilities = probeCapabilities() }: PeerSourceOptions = {}) {
    this.#capabilities = capabilities;
    this.peerSource = new LinuxMessageSource(capabilities, self === 'allow');
  }

  open(where: BindOptions | { readonly fd: Fd }, kind: MessageSocketKind, limits: MessageLimits, listener: MessageListener): MessageSocket {
    const prepare = (fd: Fd): SysFailure | undefined => nameSendersOnly(fd, this.#capabilities) ?? setNonBlocking(fd);
    const plan = kind === 'datagram' ? datagram(prepare) : seqpacket(prepare);
    const parts: ReaderParts = { memory: new MessageMemory(limits.maxBytes, CONTROL_BYTES), turns: new Turns(limits.maxPerTurn), listener };
    const bound = 'path' in where ? bind(where, plan) : undefined;
    const fd = bound?.fd ?? (where as { readonly fd: Fd }).fd;
    try {
      if (bound === undefined) takeOver(fd, () => { adopt(fd, plan); }, prepare);
      const reader = kind === 'datagram' ? new MessageReader(fd, parts) : new MessageAcceptor(fd, parts, limits, this.#capabilities);
      return new LinuxMessageSocket(reader, parts.turns, bound);
    } catch (error) {
      bound?.release();
      if (bound !== undefined) closeFd(fd);
      throw error;
    }
  }
}

function takeOver(fd: Fd, check: () => void, prepare: (fd: Fd) => SysFailure | undefined): void {
  check();
  const failure = prepare(fd);
  if (failure !== undefined) throw new PortcullisError('PLATFORM_SYSTEM', `cannot have senders named: ${failure.toString()}`, { cause: failure });
}

class LinuxMessageSocket implements MessageSocket {
  readonly bound: BoundSocket | undefined;
  readonly #reader: MessageReader | MessageAcceptor;
  readonly #turns: Turns;

  constructor(reader: MessageReader | MessageAcceptor, turns: Turns, bound: BoundSocket | undefined) {
    this.#reader = reader;
    this.#turns = turns;
    this.bound = bound;
  }

  pause(): void {
    this.#turns.pause();
  }

  resume(): void {
    this.#turns.resume();
  }

  close(): void {
    this.#reader.end();
    this.bound?.release();
  }
}
