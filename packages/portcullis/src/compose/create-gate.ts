import { createGate as createPlainGate, prepareAttestors, type Gate, type GateOptions } from '@portcullis/core';
import { formatFinding, requirePolicy, type LoadOptions } from '@portcullis/policy';
import { PolicyReloader } from '../reload/policy-reloader.js';
import { loadSteadyPolicy } from '../reload/steady-load.js';
import type { GateSettings } from './gate-settings.js';
import { resolveParts, type Parts } from './parts.js';
import { loadPlatform } from './platform.js';
import { PolicyGate } from './policy-gate.js';

/**
 * A gate for this platform, ready to `listen` or `guard`: the policy is loaded and checked, the kernel probed, names
 * resolved. With a path, what is returned is a `PolicyGate`, whose `warnings` begin with those of the policy.
 * @throws PortcullisError `POLICY_INVALID` with all findings, `PLATFORM_UNSUPPORTED`, `PLATFORM_PROBE`, `GATE_OPTIONS`,
 *   `NAME_UNRESOLVED`
 */
export function createGate(settings: GateSettings & { readonly policy: string }): Promise<PolicyGate>;
export function createGate(settings: GateSettings): Promise<Gate>;
export async function createGate(settings: GateSettings): Promise<Gate> {
  const { policy, self, transport, plugins, attestors } = settings;
  const platform = settings.platform ?? (await loadPlatform());
  const parts = resolveParts(platform, { ...(self && { self }), ...(transport && { transport }) }, plugins, attestors);
  return typeof policy === 'string' ? gateOfFile(policy, settings, parts) : createPlainGate(coreOptions(settings, parts, policy));
}

async function gateOfFile(path: string, settings: GateSettings, parts: Parts): Promise<PolicyGate> {
  const { knownListeners, onReload } = settings;
  const load: LoadOptions = { catalogue: parts.catalogue, ...(knownListeners === undefined ? {} : { knownListeners }) };
  const first = await loadSteadyPolicy(path, load);
  const policy = requirePolicy(first);
  const warnings = [...first.findings.map((finding) => formatFinding(finding, first.sources)), ...(await prepareAttestors(parts.attestors, policy))];
  const gate = new PolicyGate(coreOptions(settings, parts, policy), first, warnings, (made) => new PolicyReloader(path, first, {
    load,
    apply: (next) => made.setPolicy(next),
    report: (reload) => onReload?.(reload),
  }));
  return settings.watch === true ? gate.watch() : gate;
}

function coreOptions(settings: GateSettings, { peerSource, attestors, listenPort, handoffPort }: Parts, policy: GateOptions['policy']): GateOptions {
  return { ...settings, policy, peerSource, attestors, ...(listenPort && { listenPort }), ...(handoffPort && { handoffPort }) };
}
