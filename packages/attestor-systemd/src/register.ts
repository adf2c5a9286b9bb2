import { ATTESTOR, type Registrar } from '@portcullis/core';
import { SystemdAttestor } from './attestor.js';
import { optionsOf } from './options.js';

/** Registers this attestor with a tsyringe container, under core's token. @throws PortcullisError `PLUGIN_OPTIONS` */
export function register(container: Registrar, options: Readonly<Record<string, unknown>> = {}): void {
  container.register(ATTESTOR, { useValue: new SystemdAttestor(optionsOf(options)) });
}
