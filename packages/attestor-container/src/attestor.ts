import { ABSENT, sourceOf, unknown, type Attestor, type AttestorHost, type Evidence, type Finding, type Findings, type Peer, type SelectorDefinition, type SelectorKey } from '@portcullis/core';
import { DaemonFailure, unknownOf } from './failure.js';
import { ENVIRONMENT, findingOf } from './findings.js';
import { inspect, type Inspection, type Wish } from './inspect.js';
import { Looks } from './looks.js';
import { settingsOf, type ContainerOptions, type Settings } from './options.js';
import { CONTAINER_SELECTORS } from './selectors.js';

/** Establishes what docker or podman says of the container that the kernel's attestor found the peer in. */
export class ContainerAttestor implements Attestor {
  readonly name = 'container';
  readonly selectors: readonly SelectorDefinition[] = CONTAINER_SELECTORS;
  readonly #settings: Settings;
  readonly #looks: Looks;
  #host: AttestorHost | undefined;

  /** `host`: where no composition root attaches one. @throws PortcullisError `PLUGIN_OPTIONS` */
  constructor(options: ContainerOptions = {}, host?: AttestorHost) {
    this.#settings = settingsOf(options);
    this.#host = host;
    this.#looks = new Looks((id, wish, signal) => this.#look(id, wish, signal), this.#settings.cacheMs);
  }

  attach(host: AttestorHost): void {
    this.#host ??= host;
  }

  attest(_peer: Peer, wanted: ReadonlySet<SelectorKey>, signal: AbortSignal, given: Evidence): Findings | Promise<Findings> {
    const id = given.get('container:id');
    if (id?.state === 'absent') return all(wanted, () => ABSENT); // in no container, by the kernel's word
    const [value] = id?.state === 'present' ? id.values : [];
    if (typeof value !== 'string' || !/^[0-9a-f]{64}$/.test(value)) return all(wanted, () => unknown('attestor-defect', '`container:id` was not given'));
    const wish = wishOf(wanted);
    const known = this.#looks.known(value, wish);
    if (known !== undefined) return this.#findings(wanted, known);
    return this.#looks.ask(value, wish, signal).then((found) => this.#findings(wanted, found), (error: unknown) => {
      const why = unknownOf(error);
      return all(wanted, () => why);
    });
  }

  close(): void {
    this.#looks.close();
  }

  /** What a user's own daemon says of the user's containers is that user's word. */
  #findings(wanted: ReadonlySet<SelectorKey>, inspection: Inspection): Findings {
    const tier = this.#settings.uid === 0 ? undefined : 'peer-asserted';
    return all(wanted, (key) => findingOf(key, inspection, tier));
  }

  async #look(id: string, wish: Wish, signal: AbortSignal): Promise<Inspection> {
    const host = this.#host;
    if (host === undefined) throw new DaemonFailure('service-down', 'this gate has no verified connect to ask the daemon by');
    return inspect({ ...this.#settings, host }, id, wish, signal, this.#settings.timeoutMs);
  }
}

function all(wanted: ReadonlySet<SelectorKey>, finding: (key: SelectorKey) => Finding): Findings {
  return new Map([...wanted].map((key) => [key, finding(key)]));
}

/** I10: the environment is decoded only where a policy names a variable. */
function wishOf(wanted: ReadonlySet<SelectorKey>): Wish {
  return { digests: wanted.has('container:image-digest'), environment: [...wanted].some((key) => sourceOf(key) === ENVIRONMENT) };
}
