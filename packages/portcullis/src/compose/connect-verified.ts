import type { Socket } from 'node:net';
import { connectVerified as connectPlain, PortcullisError, type Attestor, type Catalogue, type ConnectSettings, type ConnectTarget, type Policy } from '@portcullis/core';
import { requirePolicy } from '@portcullis/policy';
import { loadSteadyPolicy } from '../reload/steady-load.js';
import { policyOf, type ServerExpectation } from './expectation.js';
import { resolveParts, type Plugin } from './parts.js';
import { loadPlatform, type Platform, type PlatformOptions } from './platform.js';

export interface ConnectVerifiedSettings extends ConnectSettings, PlatformOptions {
  /** Attestors beside the platform's. They stay the caller's to close. */
  readonly attestors?: readonly Attestor[];
  /** Further registrations, each a plugin's `register`. */
  readonly plugins?: readonly Plugin[];
  /** Another platform than this process's. */
  readonly platform?: Platform;
}

/**
 * Connects to a Unix stream socket and verifies the **server** before the connection can be used for anything. Resolves
 * to a socket that is connected and reads into its buffer; `admissionOf(socket)` says who is at the other end.
 *
 * `expected` is the path of a policy file, a compiled policy, or what the server must be: `{ uid: 0 }`,
 * `{ user: 'postgres', path: '/usr/lib/postgresql/16/bin/postgres' }`. It says of the server what a gate's policy says of a
 * client; what is frozen is of the time when the server called `listen()`.
 * @throws ServerRefused `SERVER_REFUSED`
 * @throws PortcullisError `CONNECT_TIMEOUT`, `CONNECT_SYSTEM`, `CONNECT_OPTIONS`, `POLICY_INVALID`, `POLICY_READ`,
 *   `PLATFORM_UNSUPPORTED`, `PLATFORM_PROBE`, `NAME_UNRESOLVED`
 */
export async function connectVerified(target: ConnectTarget, expected: string | Policy | ServerExpectation, settings: ConnectVerifiedSettings = {}): Promise<Socket> {
  const { self, plugins, attestors: theirs = [] } = settings;
  const parts = resolveParts(settings.platform ?? (await loadPlatform()), self === undefined ? {} : { self }, plugins, theirs);
  const { connectPort, peerSource, attestors } = parts;
  if (connectPort === undefined) throw new PortcullisError('PLATFORM_UNSUPPORTED', 'a server cannot be verified on this platform');
  const policy = (): Promise<Policy> => load(expected, parts.catalogue);
  try {
    return await connectPlain(target, { ...settings, policy, peerSource, attestors, connectPort });
  } finally {
    // Not waited for: one that still reads a file which does not answer would hold the caller beyond the timeout.
    void Promise.allSettled(attestors.filter((one) => !theirs.includes(one)).map(async (ours) => ours.close?.()));
  }
}

async function load(expected: string | Policy | ServerExpectation, catalogue: Catalogue): Promise<Policy> {
  if (typeof expected === 'string') return requirePolicy(await loadSteadyPolicy(expected, { catalogue }));
  return isPolicy(expected) ? expected : policyOf(expected, catalogue);
}

function isPolicy(expected: Policy | ServerExpectation): expected is Policy {
  return 'decide' in expected && typeof expected.decide === 'function';
}
