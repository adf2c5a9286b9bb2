import { ATTESTOR, type Registrar } from '@portcullis/core';
import { ContainerAttestor } from './attestor.js';
import type { ContainerOptions } from './options.js';

/** As a plugin: the options are those of the gateway file. @throws PortcullisError `PLUGIN_OPTIONS` */
export function register(registrar: Registrar, options: ContainerOptions = {}): void {
  registrar.register(ATTESTOR, { useValue: new ContainerAttestor(options) });
}
