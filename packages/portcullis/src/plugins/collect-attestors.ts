import { ATTESTOR, definitionProblem, PortcullisError, type Attestor, type Registrar } from '@portcullis/core';
import { PluginAttestor } from './plugin-attestor.js';
import type { PluginOptions } from './plugin-request.js';

/** What a plugin's package exports as `register`. */
export type Register = (registrar: Registrar, options: PluginOptions) => unknown;

const NAME = /^[a-z][a-z0-9-]{0,63}$/;

/**
 * Has a plugin make its attestors. It may register attestors and nothing else: what listens and who is at the other end stays
 * the platform's to say.
 * @throws PortcullisError `PLUGIN_OPTIONS`, `PLUGIN_FAILED`, `PLUGIN_INVALID`
 */
export function collectAttestors(plugin: string, register: Register, options: PluginOptions): readonly PluginAttestor[] {
  const attestors: PluginAttestor[] = [];
  let open = true;
  const registrar: Registrar = {
    register(token, provider) {
      if (!open) throw invalid(plugin, 'registers something after `register` returned');
      if (token !== ATTESTOR) throw invalid(plugin, `registers ${String(token)}: a plugin adds attestors only`);
      attestors.push(attestorOf(plugin, provider));
    },
  };
  const answer = called(plugin, () => register(registrar, options));
  open = false;
  if (answer instanceof Promise) {
    answer.catch(() => undefined);
    throw invalid(plugin, 'answers `register` with a promise: register at once, and connect when a key is wanted');
  }
  if (attestors.length === 0) throw invalid(plugin, 'registers no attestor');
  return attestors;
}

function called(plugin: string, register: () => unknown): unknown {
  try {
    return register();
  } catch (cause) {
    const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'PLUGIN_INVALID') throw cause;
    // By its code: a plugin may have a copy of core of its own.
    if (code === 'PLUGIN_OPTIONS') throw new PortcullisError('PLUGIN_OPTIONS', `plugin \`${plugin}\` cannot use its options`, { cause, facts: { plugin } });
    throw new PortcullisError('PLUGIN_FAILED', `plugin \`${plugin}\` cannot be registered`, { cause, facts: { plugin } });
  }
}

function attestorOf(plugin: string, provider: unknown): PluginAttestor {
  const attestor: unknown = typeof provider === 'object' && provider !== null && 'useValue' in provider ? provider.useValue : undefined;
  if (!isAttestor(attestor)) throw invalid(plugin, 'registers as an attestor what has no `name`, no list of `selectors` or no `attest`');
  if (!NAME.test(attestor.name)) throw invalid(plugin, `has an attestor \`${attestor.name.slice(0, 80)}\`: a name has small letters, digits and dashes`);
  const problem = attestor.selectors.map(definitionProblem).find((one) => one !== undefined);
  if (problem !== undefined) throw invalid(plugin, `has a catalogue that cannot be used: ${problem}`);
  return new PluginAttestor(plugin, attestor);
}

function isAttestor(value: unknown): value is Attestor {
  if (typeof value !== 'object' || value === null) return false;
  const { name, selectors, attach, attest, prepare, close }: Readonly<Partial<Record<keyof Attestor, unknown>>> = value;
  const optional = (one: unknown): boolean => one === undefined || typeof one === 'function';
  return typeof name === 'string' && Array.isArray(selectors) && selectors.length > 0 && selectors.every((one) => typeof one === 'object' && one !== null)
    && typeof attest === 'function' && optional(attach) && optional(prepare) && optional(close);
}

function invalid(plugin: string, what: string): PortcullisError {
  return new PortcullisError('PLUGIN_INVALID', `plugin \`${plugin}\` ${what}`, { facts: { plugin } });
}
