import { formatErrorChain, toRecord, toRevocationRecord, type DescriptorBudget, type Gate, type Listening, type ListenTarget, type Transport } from '@portcullis/core';
import type { PolicyFinding } from '@portcullis/policy';
import { createGate } from '../compose/create-gate.js';
import type { Plugin } from '../compose/parts.js';
import type { Platform } from '../compose/platform.js';
import type { PolicyGate } from '../compose/policy-gate.js';
import { timeNow, type GatewayEvent, type ListeningEvent, type RecordedFinding, type RecordedWarning } from '../records/gateway-event.js';
import type { PolicyReload } from '../reload/policy-reloader.js';
import { Connections } from './connections.js';
import type { ListenerSpec } from './gateway-spec.js';
import { resolveGroup } from './group.js';
import { formatUpstream } from './upstream.js';

/** What the listeners of one gateway share. */
export interface Shared {
  readonly platform: Platform;
  readonly plugins: readonly Plugin[];
  readonly budget: DescriptorBudget | undefined;
  readonly watch: boolean;
  readonly knownListeners: readonly string[] | undefined;
  readonly maxPolicyBytes: number | undefined;
  readonly policyDeadlineMs: number | undefined;
  readonly onEvent: (event: GatewayEvent) => void;
  /** Hears of reloads with their findings and sources, for code frames. */
  readonly onReload: (listener: string, reload: PolicyReload) => void;
}

/** One socket of a gateway with its gate and its connections. */
export class GatewayListener {
  readonly gate: PolicyGate;
  readonly #spec: ListenerSpec;
  readonly #shared: Shared;
  readonly #connections: Connections;
  #listened = false;

  private constructor(spec: ListenerSpec, shared: Shared, gate: PolicyGate) {
    this.#spec = spec;
    this.#shared = shared;
    this.gate = gate;
    this.#connections = new Connections(spec.name, spec.upstream, shared.onEvent);
    gate.on('rechecked', ({ name: policy, ...rest }) => { shared.onEvent({ event: 'rechecked', time: timeNow(), listener: spec.name, policy, ...rest }); });
    gate.on('failed', ({ where, error }) => {
      shared.onEvent({ event: 'failure', time: timeNow(), listener: spec.name, where, error: formatErrorChain(error) });
    });
  }

  /** Loads the policy and prepares for it; nothing listens yet. @throws PortcullisError as `createGate` does */
  static async prepare(spec: ListenerSpec, shared: Shared): Promise<GatewayListener> {
    const { name, listen, policy, tests, lastGood, candidate, observe, ratePerUid, collect, deadlineMs, policyGraceMs, refusal, self } = spec;
    const gate: PolicyGate = await createGate({
      policy, listener: name, platform: shared.platform, plugins: shared.plugins, watch: shared.watch,
      ...('host' in listen && { transport: 'tcp' }),
      sink: {
        record: (admission) => { shared.onEvent(toRecord(admission, gate.catalogue)); },
        revoked: (revocation) => { shared.onEvent(toRevocationRecord(revocation, Date.now())); },
      },
      onReload: (reload) => {
        shared.onEvent(policyEvent(name, reload));
        shared.onReload(name, reload);
      },
      ...(candidate !== undefined && { candidate }), ...(observe === true && { observe }), ...(ratePerUid && { ratePerUid }),
      ...(shared.knownListeners && { knownListeners: shared.knownListeners }),
      ...(shared.maxPolicyBytes !== undefined && { maxPolicyBytes: shared.maxPolicyBytes }),
      ...(shared.policyDeadlineMs !== undefined && { policyDeadlineMs: shared.policyDeadlineMs }),
      ...(shared.budget && { budget: shared.budget }),
      ...(tests && { tests }), ...(lastGood !== undefined && { lastGood }),
      ...(collect && { collect }), ...(deadlineMs !== undefined && { deadlineMs }), ...(policyGraceMs !== undefined && { policyGraceMs }), ...(refusal && { refusal }), ...(self && { self }),
    });
    return new GatewayListener(spec, shared, gate);
  }

  /** Makes or adopts the socket. @throws PortcullisError `LISTEN_*`, `NAME_UNRESOLVED` */
  async listen(): Promise<void> {
    const listening = await this.gate.listen(this.#connections.server, await targetOf(this.#spec));
    this.#listened = true;
    this.#shared.onEvent(this.#event(listening));
  }

  get transport(): Transport {
    return 'host' in this.#spec.listen ? 'tcp' : 'unix';
  }

  get load(): Gate['load'] {
    return this.gate.load;
  }

  /** Stops accepting and waits for live connections, their upstreams included, for at most `drainMs`. */
  async close(drainMs: number): Promise<void> {
    await this.gate.close({ drainMs });
    const { divergence } = this.gate;
    if (divergence !== undefined && this.#listened) {
      const { policy, compared, diverged } = divergence;
      this.#shared.onEvent({ event: 'divergence', time: timeNow(), listener: this.#spec.name, policy: policy.revision, compared, diverged });
    }
    this.#connections.destroy();
  }

  destroy(): void {
    this.gate.destroy();
    this.#connections.destroy();
  }

  #event({ path, bound, server }: Listening): ListeningEvent {
    const { listen, name, upstream } = this.#spec;
    const { policy, divergence: candidate } = this.gate;
    const warnings = warningsOf(this.gate);
    const mode = 'path' in listen ? (listen.mode ?? 0o600) : undefined;
    return {
      event: 'listening', time: timeNow(), listener: name, pid: process.pid,
      ...(path !== undefined && { path }),
      ...('host' in listen && { address: addressOf(server) }),
      ...(mode !== undefined && { mode: `0${mode.toString(8).padStart(3, '0')}` }),
      ...(this.gate.observes && { observe: true as const }),
      upstream: formatUpstream(upstream),
      policy: { name: policy.name, revision: policy.revision },
      ...(candidate !== undefined && { candidate: { name: candidate.policy.name, revision: candidate.policy.revision } }),
      ...(this.#shared.budget && { capacity: this.#shared.budget.capacity }),
      ...(bound !== undefined && bound.used.length > 0 && { exceptions: bound.used }),
      ...(bound?.replacedStale === true && { replacedStale: true }),
      ...(warnings.length > 0 && { warnings }),
    };
  }
}

/** The port that was bound, which port 0 leaves to the kernel. */
function addressOf(server: Listening['server']): string {
  const address = server.address();
  return typeof address === 'object' && address !== null ? formatUpstream({ host: address.address, port: address.port }) : '';
}

async function targetOf({ listen }: ListenerSpec): Promise<ListenTarget> {
  if (!('path' in listen)) return listen;
  const { group, ...bind } = listen;
  return group === undefined ? bind : { ...bind, gid: await resolveGroup(group) };
}

/** The gate's texts are for people: those of findings, which come first, have code frames. */
function warningsOf({ loaded: { findings }, warnings }: PolicyGate): readonly RecordedWarning[] {
  return [
    ...findings.map(({ code, message, place: { file, line, column } }) => ({ code, message, file, line, column })),
    ...warnings.slice(findings.length).map((message) => ({ message })),
  ];
}

function policyEvent(listener: string, reload: PolicyReload): GatewayEvent {
  const { outcome, trigger, name, revision, previous, findings, error, candidate, tookMs, reloads, rejected, sinceMs } = reload;
  return {
    event: 'policy', time: timeNow(), listener, ...(candidate === true && { candidate }), outcome, trigger, policy: name, revision, previous,
    since: new Date(sinceMs).toISOString(), tookMs, reloads, rejected,
    ...(findings.length > 0 && { findings: findings.map(recordedFinding) }),
    ...(error !== undefined && { error }),
  };
}

function recordedFinding({ code, severity, message, place }: PolicyFinding): RecordedFinding {
  return { code, severity, message, at: `${place.file}:${String(place.line)}:${String(place.column)}` };
}
