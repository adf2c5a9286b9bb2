import { PortcullisError, type Connection, type Fd, type HandoffListener, type HandoffPort, type HandoffReader, type PeerCredentials } from '@portcullis/core';
import { probeCapabilities, type Capabilities } from '../capabilities.js';
import { SysFailure } from '../ffi/errno.js';
import { closeFd, duplicate } from '../ffi/file.js';
import { Connector } from '../messages/connector.js';
import { nameSendersOnly } from '../messages/passing.js';
import { StreamReader } from './stream-reader.js';

/** Reads AF_UNIX stream connections by recvmsg, each chunk with its sender (T9). */
export class LinuxHandoffPort implements HandoffPort {
  readonly #capabilities: Capabilities;

  constructor(capabilities: Capabilities = probeCapabilities()) {
    this.#capabilities = capabilities;
  }

  get weakness(): string | undefined {
    const { peerPidFd, uniquePidfdInodes } = this.#capabilities;
    return peerPidFd && uniquePidfdInodes ? undefined : 'this kernel tells senders apart by pid and uid only, as it has no unique pidfds (Linux 6.9): with `onPeerExit: ignore`, a process that gets the pid of one that exited is taken for it';
  }

  prepare(fd: Fd): SysFailure | undefined {
    return nameSendersOnly(fd, this.#capabilities);
  }

  read({ fd }: Connection, credentials: PeerCredentials, listener: HandoffListener): HandoffReader {
    if (fd === undefined) throw failure('it was closed');
    const connector = this.prepare(fd) ?? Connector.of(fd, this.#capabilities);
    if (connector instanceof SysFailure) throw failure(connector.toString());
    if (connector.reaped) throw failure('its peer is gone');
    if (connector.pid !== Number(credentials.pid) || connector.uid !== Number(credentials.uid)) throw failure('it is another connection by now');
    // A descriptor of our own: the socket may be closed while its number is still watched.
    const own = duplicate(fd);
    if (own instanceof SysFailure) throw failure(own.toString());
    try {
      return new StreamReader(own, connector, listener);
    } catch (error) {
      closeFd(own);
      throw error;
    }
  }
}

function failure(why: string): PortcullisError {
  return new PortcullisError('PLATFORM_SYSTEM', `a connection cannot be read with its senders: ${why}`);
}
