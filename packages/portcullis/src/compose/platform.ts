import { ATTESTOR, Catalogue, PortcullisError, type Attestor, type Registrar, type SelectorDefinition, type Transport } from '@portcullis/core';
import type { Plugin } from './parts.js';

/** What a listener may ask of the platform's peer source. */
export interface PlatformOptions {
  /** Whether a connection from this very process is put to the policy (T15). Default `refuse`. */
  readonly self?: 'refuse' | 'allow';
  /** Whose peers are attested: Unix sockets', or loopback TCP connections', which are worth less. Default `unix`. */
  readonly transport?: Transport;
}

/** A platform package: what it can establish, and how it registers what it offers. */
export interface Platform {
  readonly name: 'linux' | 'darwin';
  readonly selectors: readonly SelectorDefinition[];
  /** Registers peer source, attestor and ports under core's tokens. Probes the kernel. */
  register(registrar: Registrar, options: PlatformOptions): void;
}

/**
 * The package of a platform, imported when it is needed: what another platform needs is never loaded here.
 * @throws PortcullisError `PLATFORM_UNSUPPORTED`
 */
export async function loadPlatform(name: string = process.platform): Promise<Platform> {
  if (name === 'linux') {
    const { LINUX_SELECTORS, register } = await import('@portcullis/attestor-linux');
    return { name, selectors: LINUX_SELECTORS, register };
  }
  if (name === 'darwin') {
    const { DARWIN_SELECTORS, register } = await import('@portcullis/attestor-darwin');
    return { name, selectors: DARWIN_SELECTORS, register: (registrar, options) => { if (options.transport === 'tcp') throw noTcp(name); register(registrar, options); } };
  }
  throw new PortcullisError('PLATFORM_UNSUPPORTED', `there is no attestor for \`${name}\`: use linux or darwin`, { facts: { platform: name } });
}

function noTcp(platform: string): PortcullisError {
  return new PortcullisError('PLATFORM_UNSUPPORTED', 'peers of TCP connections can be attested on Linux only: listen on a Unix socket', { facts: { platform } });
}

/**
 * The keys that a platform's attestor and plugins publish, without asking the kernel anything: what `check` and `explain` need.
 * @throws PortcullisError `PLATFORM_UNSUPPORTED`, `CATALOGUE_CONFLICT`, and what a plugin throws
 */
export async function platformCatalogue(name?: string, plugins: readonly Plugin[] = []): Promise<Catalogue> {
  const platform = await loadPlatform(name);
  const attestors: Attestor[] = [];
  const registrar: Registrar = { register: (token, { useValue }) => { if (token === ATTESTOR) attestors.push(useValue as Attestor); } };
  try {
    for (const plugin of plugins) plugin(registrar);
    return Catalogue.of([platform, ...attestors]);
  } finally {
    await Promise.allSettled(attestors.map(async (attestor) => attestor.close?.()));
  }
}
