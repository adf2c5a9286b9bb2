import { release } from 'node:os';
import { formatErrorChain, type PeerSource } from '@portcullis/core';
import { resolveParts } from '../compose/parts.js';
import { loadPlatform } from '../compose/platform.js';
import { gatewayBudget } from '../gateway/descriptors.js';
import type { ListenerSpec } from '../gateway/gateway-spec.js';
import { unknowableHere } from '../inspect/unknowable.js';
import { darwinFeatures } from './darwin-features.js';
import { kernelFeatures } from './kernel-features.js';
import { observing } from './observing.js';
import type { Check, DoctorReport } from './report.js';
import { ptraceScope, surroundings, userNamespaces } from './surroundings.js';

const FEW = 500;

/** Looks at this host as a gateway of these listeners would find it. Never throws: what cannot be looked at is a finding. */
export async function examine(listeners: readonly ListenerSpec[] = []): Promise<DoctorReport> {
  const about = { platform: `${process.platform} ${process.arch}`, kernel: release(), node: process.version };
  try {
    const platform = await loadPlatform();
    const { peerSource } = resolveParts(platform);
    const { check, connections } = descriptors(peerSource);
    const checks = [...(platform.name === 'linux' ? await onLinux() : await onDarwin()), check, await keys(), ...observing(listeners)];
    return { ...about, usable: checks.every(({ verdict }) => verdict !== 'bad'), checks, ...(connections !== undefined && { connections }) };
  } catch (error) {
    return { ...about, usable: false, checks: [unsupported(formatErrorChain(error))] };
  }
}

async function onLinux(): Promise<readonly Check[]> {
  const { probeCapabilities } = await import('@portcullis/attestor-linux');
  const capabilities = probeCapabilities();
  return [...kernelFeatures(capabilities), ...surroundings(capabilities), userNamespaces(), ptraceScope()];
}

async function onDarwin(): Promise<readonly Check[]> {
  const { DarwinPeerSource } = await import('@portcullis/attestor-darwin');
  return darwinFeatures(new DarwinPeerSource().capabilities);
}

function unsupported(found: string): Check {
  return { id: 'platform', verdict: 'bad', found, cost: 'no connection can be attested here' };
}

function descriptors(source: PeerSource): { readonly check: Check; readonly connections: number | undefined } {
  const id = 'descriptors';
  const use = source.descriptorUse?.();
  const budget = gatewayBudget(source);
  if (use === undefined || budget === undefined) return { check: { id, verdict: 'weaker', found: 'the limit of descriptors cannot be read', cost: 'a flood may run into EMFILE (T20)' }, connections: undefined };
  const { capacity } = budget;
  const found = `${String(use.limit)} descriptors (RLIMIT_NOFILE): ${String(capacity)} connections at once with their upstreams, of few processes: each process takes one to three more`;
  if (capacity === 0) return { check: { id, verdict: 'bad', found, cost: 'every connection is refused' }, connections: capacity };
  if (capacity < FEW) return { check: { id, verdict: 'weaker', found, cost: 'more are refused by name (T20): raise the limit' }, connections: capacity };
  return { check: { id, verdict: 'good', found }, connections: capacity };
}

async function keys(): Promise<Check> {
  const unknowable = await unknowableHere();
  if (unknowable === undefined) return { id: 'keys', verdict: 'weaker', found: 'no socket of our own could be made to try them' };
  if (unknowable.size === 0) return { id: 'keys', verdict: 'good', found: 'every key can be answered' };
  const list = [...unknowable].map(([key, why]) => `${key} (${why})`).join(', ');
  return { id: 'keys', verdict: 'weaker', found: `cannot be answered here: ${list}`, cost: 'a deny rule that needs one denies, an allow rule that needs one allows nobody (I4)' };
}
