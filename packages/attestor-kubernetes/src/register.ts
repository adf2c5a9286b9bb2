import { ATTESTOR, type Registrar } from '@portcullis/core';
import { KubernetesAttestor } from './attestor.js';

/** Registers this attestor with a tsyringe container, under core's token. @throws PortcullisError `PLUGIN_OPTIONS` */
export function register(container: Registrar, options: Readonly<Record<string, unknown>> = {}): void {
  container.register(ATTESTOR, { useValue: new KubernetesAttestor(options) });
}
