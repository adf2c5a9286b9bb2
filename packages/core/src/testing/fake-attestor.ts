import type { Attestor } from '../attestor.js';
import type { SelectorDefinition } from '../catalogue.js';
import type { Evidence, Finding, Findings } from '../evidence.js';
import type { Peer } from '../peer.js';
import type { SelectorKey, SelectorValue } from '../selector.js';

/** One call of `attest`, as the engine made it. */
export interface AttestCall {
  readonly peer: Peer;
  readonly wanted: readonly SelectorKey[];
  readonly signal: AbortSignal;
  /** The evidence of what the wanted keys need. */
  readonly given: Evidence;
}

export interface FakeAttestor extends Attestor {
  readonly calls: readonly AttestCall[];
}

export interface FakeAttestorOptions {
  readonly name?: string;
  /** `unix:uid` of cost `socket` unless told. */
  readonly selectors?: readonly SelectorDefinition[];
  /** What it answers, at once or late; what it throws is an attestor's defect. Each peer's uid unless told. */
  readonly attest?: (call: AttestCall) => Findings | Promise<Findings>;
  readonly prepare?: NonNullable<Attestor['prepare']>;
  readonly close?: NonNullable<Attestor['close']>;
}

/**
 * An attestor that answers what a test wants and keeps every call.
 *
 * A fake proves flow only: which keys are asked, when, and what becomes of the answer. What an attestor establishes is
 * proved by the conformance kit and against real processes.
 */
export function fakeAttestor(options: FakeAttestorOptions = {}): FakeAttestor {
  const calls: AttestCall[] = [];
  const attest = options.attest ?? uidOfPeer;
  return {
    name: options.name ?? 'fake',
    selectors: options.selectors ?? [fakeDefinition('unix:uid')],
    calls,
    attest(peer, wanted, signal, given) {
      const call = { peer, wanted: [...wanted], signal, given };
      calls.push(call);
      return attest(call);
    },
    ...(options.prepare !== undefined && { prepare: options.prepare }),
    ...(options.close !== undefined && { close: options.close }),
  };
}

/** A definition with what a test seldom minds filled in: a single id of cost `socket`, frozen at connect. */
export function fakeDefinition(key: SelectorKey, rest: Partial<SelectorDefinition> = {}): SelectorDefinition {
  return {
    key, value: { type: 'uint', max: 4_294_967_295 }, many: false, trust: 'kernel-connect', cost: 'socket',
    summary: `the ${key} of a fake`, example: exampleOf(rest.value), ...rest,
  };
}

function exampleOf(type: SelectorDefinition['value'] = { type: 'uint', max: 1000 }): SelectorValue {
  switch (type.type) {
    case 'uint':
      return Math.min(1000, type.max);
    case 'boolean':
      return true;
    case 'enum':
      return type.values[0] ?? '';
    case 'digest':
      return `${type.prefix ?? ''}${'0'.repeat(type.length)}`;
    case 'path':
    case 'text':
    case 'name':
      return '/fake';
  }
}

/** Findings of plain values: `{ 'unix:uid': 1000, 'unix:gid': [1, 2] }`, or findings as they are. */
export function findingsOf(values: Readonly<Record<SelectorKey, SelectorValue | readonly SelectorValue[] | Finding>>): Findings {
  return new Map(Object.entries(values).map(([key, value]) => [key as SelectorKey, findingOf(value)]));
}

function findingOf(value: SelectorValue | readonly SelectorValue[] | Finding): Finding {
  if (Array.isArray(value)) return { state: 'present', values: value as readonly SelectorValue[] };
  return typeof value === 'object' ? (value as Finding) : { state: 'present', values: [value] };
}

function uidOfPeer({ peer, wanted }: AttestCall): Findings {
  return new Map(wanted.map((key) => [key, findingOf(key === 'unix:uid' ? peer.credentials.uid : { state: 'absent' })]));
}
