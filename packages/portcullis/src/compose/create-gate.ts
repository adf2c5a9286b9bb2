import { createGate as createPlainGate, PortcullisError, prepareAttestors, type Gate, type GateOptions, type Policy } from '@portcullis/core';
import { formatFinding, requirePolicy, type CompiledPolicy, type LoadOptions } from '@portcullis/policy';
import { limitsOf } from '../limits.js';
import { LastGood } from '../reload/last-good.js';
import { PolicyReloader, type PolicyReload } from '../reload/policy-reloader.js';
import { whyTestsFail } from '../reload/policy-tests.js';
import { startWith } from '../reload/start-with.js';
import { loadSteadyPolicy } from '../reload/steady-load.js';
import type { GateSettings } from './gate-settings.js';
import { resolveParts, type Parts } from './parts.js';
import { loadPlatform } from './platform.js';
import { PolicyGate } from './policy-gate.js';

/**
 * A gate for this platform, ready to `listen` or `guard`: the policy is loaded and checked, the kernel probed, names
 * resolved. With a path, what is returned is a `PolicyGate`, whose `warnings` begin with those of the policy.
 * @throws PortcullisError `POLICY_INVALID` with all findings, `POLICY_TESTS`, `PLATFORM_UNSUPPORTED`, `PLATFORM_PROBE`, `GATE_OPTIONS`,
 *   `NAME_UNRESOLVED`
 */
export function createGate(settings: GateSettings & { readonly policy: string }): Promise<PolicyGate>;
export function createGate(settings: GateSettings): Promise<Gate>;
export async function createGate(settings: GateSettings): Promise<Gate> {
  if (typeof settings.candidate === 'string' && typeof settings.policy !== 'string') {
    throw new PortcullisError('GATE_OPTIONS', '`candidate` is a path and `policy` is not: give both as paths, or load the candidate too', { facts: { option: 'candidate' } });
  }
  const { policy, self, transport, plugins, attestors } = settings;
  const platform = settings.platform ?? (await loadPlatform());
  const parts = resolveParts(platform, { ...(self && { self }), ...(transport && { transport }) }, plugins, attestors);
  return typeof policy === 'string' ? gateOfFile(policy, settings, parts) : createPlainGate(coreOptions(settings, parts, policy, settings.candidate as Policy | undefined));
}

async function gateOfFile(path: string, settings: GateSettings, parts: Parts): Promise<PolicyGate> {
  const { knownListeners, maxPolicyBytes, policyDeadlineMs, onReload, candidate: beside, tests: also = [] } = settings;
  const load: LoadOptions = { catalogue: parts.catalogue, ...(knownListeners === undefined ? {} : { knownListeners }), ...limitsOf({ maxBytes: maxPolicyBytes }) };
  const keeper = settings.lastGood === undefined ? undefined : new LastGood(settings.lastGood);
  const accept = (policy: CompiledPolicy): string | undefined => whyTestsFail(also, policy, load);
  const first = await loadSteadyPolicy(path, load, also);
  const start = startWith(path, first, accept, () => keeper?.load(load));
  const { policy } = start;
  const second = typeof beside === 'string' ? await loadSteadyPolicy(beside, load) : undefined;
  const candidate = second === undefined ? (beside as Policy | undefined) : requirePolicy(second);
  const prepared = await prepareAttestors(parts.attestors, policy, ...(candidate === undefined ? [] : [candidate]));
  const keep = ({ revision }: CompiledPolicy, bytes?: Uint8Array): string | undefined => keeper?.keep(path, revision, load, bytes);
  const warnings = [...start.loaded.findings.map((finding) => formatFinding(finding, start.loaded.sources)), ...start.warnings, ...prepared, ...[keep(policy)].filter((why) => why !== undefined)];
  const shared = { load, report: (reload: PolicyReload): void => onReload?.(reload), ...(policyDeadlineMs !== undefined && { deadlineMs: policyDeadlineMs }) };
  const gate = new PolicyGate(coreOptions(settings, parts, policy, candidate), start.loaded, warnings, (made) => [
    new PolicyReloader(path, first, policy, { ...shared, also, accept, ...(keeper && { applied: keep }), apply: (next) => made.setPolicy(next) }),
    ...(typeof beside === 'string' && second !== undefined ? [new PolicyReloader(beside, second, requirePolicy(second), { ...shared, candidate: true, apply: (next) => made.setCandidate(next) })] : []),
  ]);
  return settings.watch === true ? gate.watch() : gate;
}

function coreOptions(settings: GateSettings, { peerSource, attestors, listenPort, handoffPort }: Parts, policy: Policy, candidate: Policy | undefined): GateOptions {
  return { ...settings, policy, candidate, peerSource, attestors, ...(listenPort === undefined ? {} : { listenPort }), ...(handoffPort === undefined ? {} : { handoffPort }) };
}
