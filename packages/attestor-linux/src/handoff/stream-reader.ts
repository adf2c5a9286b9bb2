import type { Fd, Gid, HandoffListener, HandoffReader, PeerCredentials, PeerRefusal, Pid, Uid } from '@portcullis/core';
import { closeReceived, parseControl, type ControlMessages } from '../ffi/cmsg.js';
import { MSG_CMSG_CLOEXEC, MSG_CTRUNC, MSG_DONTWAIT } from '../ffi/constants.js';
import { EAGAIN, errnoName, SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import { MessageMemory } from '../ffi/recvmsg.js';
import type { Connector } from '../messages/connector.js';
import { Turns, type Turn } from '../messages/turns.js';
import { readiness, type Watch } from '../readiness/readiness.js';

const FLAGS = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
const CHUNK_BYTES = 65_536;
const CONTROL_BYTES = 8192;
/** Chunks of all connections in one turn of the event loop. */
const MOST_A_TURN = 64;

const turns = new Turns(MOST_A_TURN);
let memory: MessageMemory | undefined;

/**
 * Reads a stream chunk by chunk. Under SO_PASSCRED the kernel never glues the bytes of two senders together
 * (unix_stream_read_generic in net/unix/af_unix.c), and nothing is peeked at: what was named is what is taken, so nobody can
 * read on into another's bytes.
 */
export class StreamReader implements Turn, HandoffReader {
  readonly #fd: Fd;
  readonly #connector: Connector;
  readonly #listener: HandoffListener;
  readonly #watch: Watch;
  #paused = false;
  /** Waits for its turn, or for the descriptor; else it is paused or over. */
  #going = true;
  #open = true;

  /** Owns `fd`. Throws `PLATFORM_SYSTEM`; the descriptor is then the caller's still. */
  constructor(fd: Fd, connector: Connector, listener: HandoffListener) {
    this.#fd = fd;
    this.#connector = connector;
    this.#listener = listener;
    memory ??= new MessageMemory(CHUNK_BYTES, CONTROL_BYTES);
    const failed = (error: unknown): void => { this.#end(() => { listener.failed(error); }); };
    this.#watch = readiness().watch(fd, { ready: () => { turns.add(this); }, failed }, { keepsAlive: true });
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    if (this.#going || !this.#open) return;
    this.#going = true;
    turns.add(this);
  }

  keepAlive(yes: boolean): void {
    this.#watch.keepAlive(yes);
  }

  close(): void {
    this.#end(() => undefined);
  }

  takeOne(): boolean {
    if (!this.#open || memory === undefined) return false;
    if (this.#paused) return (this.#going = false);
    const size = memory.receive(this.#fd, FLAGS);
    if (size instanceof SysFailure) {
      if (size.errno === EAGAIN) this.#arm();
      else this.#end(() => { this.#listener.failed(brokenBy(size)); });
      return false;
    }
    if (size === 0) {
      this.#end(() => { this.#listener.ended(); });
      return false;
    }
    const control = parseControl(memory.control, memory.controlSize);
    const refused = this.#refusal(control, memory.flags);
    closeReceived(control);
    if (refused !== undefined) {
      this.#end(() => { this.#listener.revoked(refused); });
      return false;
    }
    if (!this.#listener.bytes(memory.data.slice(0, size))) this.#paused = true;
    return true;
  }

  #refusal({ credentials, malformed, pidfd }: ControlMessages, flags: number): PeerRefusal | undefined {
    if (malformed) return { refused: 'control-invalid', detail: 'the control messages cannot be read' };
    if ((flags & MSG_CTRUNC) !== 0) return { refused: 'control-truncated', detail: 'MSG_CTRUNC' };
    if (credentials === undefined) return { refused: 'sender-unknown', detail: 'the bytes came without SCM_CREDENTIALS' };
    const { pid, uid, gid } = credentials;
    const sender: PeerCredentials = { pid: pid as Pid, uid: uid as Uid, gid: gid as Gid };
    const refused = this.#connector.whyNotBy(sender, pidfd);
    if (refused === undefined) return undefined;
    if (pid === 0 && typeof pidfd !== 'number') return { refused: 'sender-unknown', detail: 'sent before its sender had to be named' };
    const detail = `pid ${String(pid)}, uid ${String(uid)} sent; pid ${String(this.#connector.pid)}, uid ${String(this.#connector.uid)} connected`;
    return { refused, detail: refused === 'sender-claimable' ? `${detail}, in whose name others can send` : detail, credentials: sender };
  }

  #arm(): void {
    try {
      this.#watch.arm();
    } catch (error) {
      this.#end(() => { this.#listener.failed(error); });
    }
  }

  #end(tell: () => void): void {
    if (!this.#open) return;
    this.#open = false;
    this.#going = false;
    this.#watch.close();
    closeFd(this.#fd);
    tell();
  }
}

/** As Node's own sockets say it. */
function brokenBy(failure: SysFailure): Error {
  return Object.assign(new Error(failure.toString()), { code: errnoName(failure.errno), errno: -failure.errno, syscall: 'recvmsg' });
}
