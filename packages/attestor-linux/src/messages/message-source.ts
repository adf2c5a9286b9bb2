import type { Connection, DescriptorUse, Peer, PeerCredentials, PeerRefusal, PeerSource } from '@portcullis/core';
import type { Capabilities } from '../capabilities.js';
import { refusedIds } from '../credentials.js';
import { descriptorUse } from '../descriptor-use.js';
import { heldDescriptors } from '../held-descriptors.js';
import { LinuxArrival } from './arrival.js';
import { MessagePeer } from './message-peer.js';

/** Senders of messages. */
export class LinuxMessageSource implements PeerSource {
  readonly name = 'linux';
  readonly capabilities: Capabilities;
  readonly #allowSelf: boolean;

  constructor(capabilities: Capabilities, allowSelf: boolean) {
    this.capabilities = capabilities;
    this.#allowSelf = allowSelf;
  }

  open(arrival: Connection): Peer | PeerRefusal {
    if (!(arrival instanceof LinuxArrival)) return { refused: 'no-descriptor', detail: 'not a message' };
    const { credentials } = arrival;
    if (arrival.malformed) return { refused: 'control-invalid', detail: 'the control messages cannot be read' };
    // What is missing cannot be known: the credentials, the pidfd, the label.
    if (arrival.controlCut) return { refused: 'control-truncated', detail: `MSG_CTRUNC, ${String(arrival.closedDescriptors)} descriptors closed`, ...(credentials && { credentials }) };
    if (credentials === undefined) return { refused: 'sender-unknown', detail: 'the message came without SCM_CREDENTIALS' };
    if (arrival.bytesCut) return { refused: 'message-truncated', detail: 'MSG_TRUNC', credentials };
    return this.#senderOf(arrival, credentials);
  }

  descriptorUse(): DescriptorUse | undefined {
    return descriptorUse();
  }

  heldDescriptors(): number {
    return heldDescriptors();
  }

  #senderOf(arrival: LinuxArrival, credentials: PeerCredentials): Peer | PeerRefusal {
    const detail = `SCM_CREDENTIALS says pid ${String(credentials.pid)}, uid ${String(credentials.uid)}, gid ${String(credentials.gid)}`;
    // A message that was queued before its sender had to be named is shown as of pid 0 and the overflow ids.
    if (credentials.pid === 0 && typeof arrival.pidfd !== 'number') return { refused: 'pid-invisible', detail, credentials };
    const refused = refusedIds(credentials, this.capabilities) ?? (Number(credentials.pid) === process.pid && !this.#allowSelf ? 'self-connection' : undefined);
    if (refused !== undefined) return { refused, detail, credentials };
    const connector = arrival.connection?.connector;
    const foreign = connector?.whyNotBy(credentials, arrival.pidfd);
    if (connector !== undefined && foreign !== undefined) {
      if (connector.reaped) return { refused: 'peer-exited', detail: `${detail}; who connected was gone before it was accepted`, credentials };
      if (foreign === 'sender-claimable') return { refused: foreign, detail: `${detail}; others can send in its name`, credentials };
      return { refused: foreign, detail: `${detail}; pid ${String(connector.pid)}, uid ${String(connector.uid)} connected`, credentials };
    }
    return new MessagePeer(arrival, credentials, this.capabilities);
  }
}
