import type { DescriptorBudget } from './descriptor-budget.js';
import { PortcullisError } from './errors.js';
import type { Server, Socket } from './gate.js';
import { HandoffSocket } from './handoff-socket.js';
import type { HandoffPort } from './handoff.js';
import type { Fd, PeerCredentials } from './peer.js';
import type { Policy } from './policy.js';
import { socketFd, SocketConnection } from './socket-fd.js';

/** The reader's own, beside the connection's. */
const DESCRIPTORS_EACH = 1;

/**
 * The policy word `handoff` before one gate (T9): its listening sockets name senders where a rule may want them, and
 * connections that were allowed with `deny` are read with their senders. Where no rule says so, nothing of it is done.
 */
export class Handoffs {
  readonly #port: HandoffPort | undefined;
  readonly #listener: string;
  readonly #budget: DescriptorBudget | undefined;
  readonly #servers = new Set<Server>();
  #wanted = false;

  constructor(port: HandoffPort | undefined, listener: string, budget: DescriptorBudget | undefined) {
    this.#port = port;
    this.#listener = listener;
    this.#budget = budget;
  }

  /** Whether the policy in force may allow a connection with `handoff: deny`. */
  get wanted(): boolean {
    return this.#wanted;
  }

  /**
   * Before `policy` takes effect. Returns warnings.
   * @throws PortcullisError `PLATFORM_UNSUPPORTED` where it says `handoff: deny` and that cannot be kept here, `PLATFORM_SYSTEM`
   */
  prepareFor(policy: Policy): readonly string[] {
    const wanted = policy.deniesHandoff?.(this.#listener) === true;
    const port = wanted ? this.#needed() : undefined;
    if (port !== undefined) for (const server of this.#servers) this.name(socketFd(server));
    this.#wanted = wanted;
    return port?.weakness === undefined ? [] : [`under \`handoff: deny\` ${port.weakness}`];
  }

  /** A server that the gate guards: its socket names senders from now on, or from when a policy first wants them. */
  add(server: Server): void {
    this.#servers.add(server);
  }

  /** A listening socket, before it accepts; without a descriptor it does not listen yet. @throws PortcullisError `PLATFORM_SYSTEM` */
  name(fd: Fd | undefined): void {
    const failure = fd === undefined ? undefined : this.#port?.prepare(fd);
    if (failure !== undefined) throw new PortcullisError('PLATFORM_SYSTEM', `a listening socket cannot name senders: ${failure.toString()}`);
  }

  /**
   * What the application has of a connection from now on. Undefined where no descriptor is left for it.
   * @throws PortcullisError `PLATFORM_*` where it cannot be read with its senders: then it must be refused
   */
  open(socket: Socket, credentials: PeerCredentials): HandoffSocket | undefined {
    const port = this.#needed();
    // Somebody else reads it, or did: what that took has no sender.
    if (!socket.isPaused() || socket.bytesRead > 0) throw new Error('a connection was read before it was admitted, so that it cannot be read with its senders');
    if (this.#budget?.takeMore(DESCRIPTORS_EACH) === false) return undefined;
    const give = (): void => { this.#budget?.giveMore(DESCRIPTORS_EACH); };
    try {
      return new HandoffSocket(socket, (listener) => port.read(new SocketConnection(socket, undefined), credentials, listener), give);
    } catch (error) {
      give();
      throw error;
    }
  }

  #needed(): HandoffPort {
    if (this.#port !== undefined) return this.#port;
    throw new PortcullisError('PLATFORM_UNSUPPORTED', '`handoff: deny` cannot be kept by this gate: who sends is only said of Unix sockets, and on Linux');
  }
}
