import { loadPlatform, type Platform } from '../compose/platform.js';
import { resolveParts } from '../compose/parts.js';
import { timeNow, type GatewayEvent } from '../records/gateway-event.js';
import type { PolicyReload } from '../reload/policy-reloader.js';
import { gatewayBudget } from './descriptors.js';
import { GatewayListener } from './gateway-listener.js';
import type { GatewaySpec } from './gateway-spec.js';

export interface GatewayOptions {
  /** Takes every record: decisions, and what happens to the gateway. Called after the fact; must not throw. */
  readonly onEvent: (event: GatewayEvent) => void;
  /** Hears of reloads with findings and sources, where somebody wants to show code frames. */
  readonly onReload?: (listener: string, reload: PolicyReload) => void;
  /** Called when every policy is loaded, before the first socket is made: until then there is nothing to let go of. */
  readonly onPrepared?: () => void;
  /** Follow changes of policy files. Default true. */
  readonly watch?: boolean;
  readonly platform?: Platform;
}

const DRAIN_MS = 10_000;

/** A gateway that runs: attested connections on its sockets are passed on to their upstreams. Made by `startGateway`. */
export class Gateway {
  readonly listeners: readonly GatewayListener[];
  readonly #options: GatewayOptions;
  readonly #drainMs: number;
  #closing: Promise<void> | undefined;
  #ended = 0;

  constructor(listeners: readonly GatewayListener[], options: GatewayOptions, drainMs: number) {
    this.listeners = listeners;
    this.#options = options;
    this.#drainMs = drainMs;
  }

  /** Warnings of policies and attestors, by listener. */
  get warnings(): readonly string[] {
    return this.listeners.flatMap(({ gate }) => gate.warnings.map((warning) => `${gate.listener}: ${warning}`));
  }

  /** Connections that live at this moment. */
  get live(): number {
    return this.listeners.reduce((sum, { load }) => sum + load.live, 0);
  }

  /** Reads every policy again. Never rejects; outcomes are `policy` events. */
  async reload(trigger: string): Promise<void> {
    await Promise.all(this.listeners.map(({ gate }) => gate.reload(trigger)));
  }

  /** Stops accepting, lets live connections end for a while, then ends them. Idempotent. */
  close(drainMs = this.#drainMs): Promise<void> {
    return (this.#closing ??= this.#close(drainMs));
  }

  /** Ends every live connection now. */
  destroy(): void {
    this.#ended += this.live;
    for (const listener of this.listeners) listener.destroy();
  }

  async #close(drainMs: number): Promise<void> {
    this.#options.onEvent({ event: 'draining', time: timeNow(), live: this.live, drainMs });
    // A moment before the gates' own timers, so that what is ended is counted.
    const timer = setTimeout(() => { this.destroy(); }, drainMs);
    await Promise.all(this.listeners.map((listener) => listener.close(drainMs + 1000)));
    clearTimeout(timer);
    this.#options.onEvent({ event: 'stopped', time: timeNow(), ended: this.#ended });
  }
}

/**
 * Starts a gateway: every policy is loaded and every name resolved before the first socket is made, and where one
 * listener fails none is left.
 * @throws PortcullisError `POLICY_INVALID`, `POLICY_READ`, `LISTEN_*`, `NAME_UNRESOLVED`, `PLATFORM_*`
 */
export async function startGateway(spec: GatewaySpec, options: GatewayOptions): Promise<Gateway> {
  const platform = options.platform ?? (await loadPlatform());
  const budget = gatewayBudget(resolveParts(platform).peerSource);
  const knownListeners = spec.closed === true ? spec.listeners.map(({ name }) => name) : undefined;
  const shared = { platform, plugins: spec.plugins ?? [], budget, knownListeners, watch: options.watch ?? true, maxPolicyBytes: spec.maxPolicyBytes, policyDeadlineMs: spec.policyDeadlineMs, onEvent: options.onEvent, onReload: options.onReload ?? ignore };
  const listeners: GatewayListener[] = [];
  try {
    for (const listener of spec.listeners) listeners.push(await GatewayListener.prepare(listener, shared));
    options.onPrepared?.();
    for (const listener of listeners) await listener.listen();
  } catch (error) {
    for (const listener of listeners) await listener.close(0);
    throw error;
  }
  return new Gateway(listeners, options, spec.drainMs ?? DRAIN_MS);
}

function ignore(): void {
  // nobody asked
}
