import { unknown, type Attestor, type AttestorHost, type Evidence, type Finding, type Findings, type Peer, type SelectorKey } from '@portcullis/core';
import type { WriteBeside } from './bus/bus.js';
import { BusFailure } from './bus/failure.js';
import { Manager, type AskedFor } from './manager.js';
import type { SystemdOptions } from './options.js';
import { SYSTEMD_SELECTORS } from './selectors.js';
import { fallbackOf, findingOf, type Anchor, type Unit } from './unit.js';

const DEFAULTS = { busPath: '/run/dbus/system_bus_socket', uid: 0, timeoutMs: 2000 } as const;
/** Peers that are asked about at once. */
const MOST_AT_ONCE = 128;
const TOO_LATE = 'no answer before the admission ended';

/** Establishes what the service manager says of a peer, held against the cgroup that the kernel has it in. */
export class SystemdAttestor implements Attestor {
  readonly name = 'systemd';
  readonly selectors = SYSTEMD_SELECTORS;
  readonly #options: Required<SystemdOptions>;
  #host: AttestorHost | undefined;
  #manager: Manager | undefined;
  #asking = 0;

  constructor(options: SystemdOptions = {}) {
    this.#options = { ...DEFAULTS, ...options };
  }

  attach(host: AttestorHost): void {
    this.#host = host;
    this.#manager = new Manager(host, this.#options);
  }

  async attest(peer: Peer, wanted: ReadonlySet<SelectorKey>, signal: AbortSignal, given: Evidence): Promise<Findings> {
    const { pid } = peer.credentials;
    const anchor = anchorOf(given);
    if (anchor === undefined) return all(wanted, () => unknown('no-attestor', 'the attestor of this platform knows no cgroups'));
    if (pid === 0) return all(wanted, () => unknown('not-visible', 'the peer has no pid in our pid namespace'));
    try {
      // Where it has to be asked by pid, that is the pinned peer's all the while: the cgroup was read before, and the engine
      // verifies the peer after (T1, I3).
      const unit = await this.#ask(peer, signal);
      return all(wanted, (key) => findingOf(key, unit, anchor));
    } catch (error) {
      if (!(error instanceof BusFailure)) throw error;
      return all(wanted, (key) => (key === 'systemd:id' ? fallbackOf(anchor) : unknown(error.why, error.message)));
    }
  }

  close(): void {
    this.#manager?.close();
  }

  async #ask(peer: Peer, signal: AbortSignal): Promise<Unit | undefined> {
    const [host, manager] = [this.#host, this.#manager];
    if (host === undefined || manager === undefined) throw new BusFailure('this platform offers no verified connect', 'kernel-unsupported');
    // Who may not wait is told so in the turn that began it: a flood is not worth a question (T20).
    await Promise.resolve();
    if (signal.aborted) throw new BusFailure(TOO_LATE, 'timeout');
    if (this.#asking >= MOST_AT_ONCE) throw new BusFailure(`the manager is asked about ${String(MOST_AT_ONCE)} peers already`, 'limit');
    let over = false;
    try {
      // After the answer the peer is somebody else's to use: a question that was late has nothing to send.
      const writeBeside: WriteBeside = (socket, bytes) => !over && !signal.aborted && host.writeWithPeer(socket, bytes, peer);
      return await this.#inTime(manager, { pid: peer.credentials.pid, writeBeside }, signal);
    } finally {
      over = true;
    }
  }

  #inTime(manager: Manager, asked: AskedFor, signal: AbortSignal): Promise<Unit | undefined> {
    const { timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      this.#asking += 1;
      const giveUp = (message: string, renew: boolean): void => {
        const failure = new BusFailure(message, 'timeout');
        if (renew) manager.renew(failure);
        reject(failure);
      };
      const timer = setTimeout(() => { giveUp(`no answer within ${String(timeoutMs)} ms`, true); }, timeoutMs);
      // The connection is the others' too: one admission that ends does not end it for them (T20).
      const aborted = (): void => { giveUp(TOO_LATE, this.#asking === 1); };
      signal.addEventListener('abort', aborted, { once: true });
      manager.unitOf(asked).then(resolve, reject).finally(() => {
        this.#asking -= 1;
        clearTimeout(timer);
        signal.removeEventListener('abort', aborted);
      });
    });
  }
}

function all(wanted: ReadonlySet<SelectorKey>, finding: (key: SelectorKey) => Finding): Findings {
  return new Map([...wanted].map((key) => [key, finding(key)]));
}

/** Both are needs, so neither is unknown here. */
function anchorOf(given: Evidence): Anchor | undefined {
  const [cgroup, unit] = [given.get('linux:cgroup'), given.get('systemd:unit')];
  if (cgroup?.state !== 'present' || unit === undefined) return undefined;
  return { cgroup: String(cgroup.values[0]), unit: unit.state === 'present' ? String(unit.values[0]) : undefined };
}
