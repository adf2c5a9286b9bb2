export { AcmeAttestor, ACME_SELECTORS } from './attestor.js';
export { optionsOf, type AcmeOptions } from './options.js';
export { register } from './register.js';
