import { ATTESTOR, type Registrar } from '@portcullis/core';
import { AcmeAttestor } from './attestor.js';
import { optionsOf } from './options.js';

/** What a gateway calls that lists this package under `plugins`. @throws PortcullisError `PLUGIN_OPTIONS` */
export function register(registrar: Registrar, options: Readonly<Record<string, unknown>> = {}): void {
  registrar.register(ATTESTOR, { useValue: new AcmeAttestor(optionsOf(options)) });
}
