import { pathToFileURL } from 'node:url';
import { ATTESTOR, PortcullisError } from '@portcullis/core';
import { assertTrusted, rootAndUs } from '@portcullis/core/platform';
import type { Plugin } from '../compose/parts.js';
import { collectAttestors, type Register } from './collect-attestors.js';
import { fileOf, findPlugin } from './find-plugin.js';
import type { PluginOptions, PluginRequest } from './plugin-request.js';
import { assertTrustedPlugin } from './trust-plugin.js';

const NO_OPTIONS: PluginOptions = Object.freeze({});

/**
 * Loads a plugin's package, and hands back what registers its attestors with each gate anew. Its options are put to it here,
 * so that what it refuses stops the start.
 * @throws PortcullisError `PLUGIN_NOT_FOUND`, `PLUGIN_UNTRUSTED`, `PLUGIN_FAILED`, `PLUGIN_INVALID`, `PLUGIN_OPTIONS`
 */
export async function loadPlugin(request: PluginRequest): Promise<Plugin> {
  const { options = NO_OPTIONS } = request;
  const name = nameOf(request);
  const found = findPlugin(request);
  trust(request, found.folder);
  const file = fileOf(found);
  const register = registerOf(name, await importOf(name, file));
  await Promise.all(collectAttestors(name, register, options).map((attestor) => attestor.close()));
  return (registrar) => {
    for (const attestor of collectAttestors(name, register, options)) registrar.register(ATTESTOR, { useValue: attestor });
  };
}

/** One after another, so that the first that fails is the one that is told of. @throws PortcullisError as `loadPlugin` does */
export async function loadPlugins(requests: readonly PluginRequest[]): Promise<readonly Plugin[]> {
  const plugins: Plugin[] = [];
  for (const request of requests) plugins.push(await loadPlugin(request));
  return plugins;
}

/** As it was named, and where. */
function nameOf({ use, named }: PluginRequest): string {
  return named === undefined ? use : `${use} (${named.at})`;
}

/** The file that names it too: who can change that one, names another. */
function trust({ use, named }: PluginRequest, folder: string): void {
  try {
    if (named !== undefined) assertTrusted(named.file, { owners: rootAndUs(), belowSticky: true });
    assertTrustedPlugin(folder);
  } catch (cause) {
    throw new PortcullisError('PLUGIN_UNTRUSTED', `plugin \`${use}\` is not loaded, since what it is made of is not root's and ours alone to change`, { cause, facts: { plugin: use } });
  }
}

async function importOf(plugin: string, file: string): Promise<object> {
  try {
    return (await import(pathToFileURL(file).href)) as object;
  } catch (cause) {
    throw new PortcullisError('PLUGIN_FAILED', `plugin \`${plugin}\` cannot be loaded from \`${file}\``, { cause, facts: { plugin, file } });
  }
}

/** Of an ES module, or of a CommonJS one, whose exports may hide in `default`. */
function registerOf(plugin: string, module: { readonly register?: unknown; readonly default?: unknown }): Register {
  const { register, default: inner } = module;
  const hidden: unknown = typeof inner === 'object' && inner !== null && 'register' in inner ? inner.register : undefined;
  const found = register ?? hidden;
  if (typeof found === 'function') return found as Register;
  throw new PortcullisError('PLUGIN_INVALID', `plugin \`${plugin}\` exports no function \`register\``, { facts: { plugin } });
}
