import { ATTESTOR } from '@portcullis/core';
import { LicenceAttestor } from './attestor.mjs';

/** What a gateway calls that lists this package under `plugins`. */
export function register(registrar) {
  registrar.register(ATTESTOR, { useValue: new LicenceAttestor() });
}
