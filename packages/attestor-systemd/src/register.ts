import { ATTESTOR, type Registrar } from '@portcullis/core';
import { SystemdAttestor } from './attestor.js';

/** Registers this attestor with a tsyringe container, under core's token. */
export function register(container: Registrar): void {
  container.register(ATTESTOR, { useValue: new SystemdAttestor() });
}
