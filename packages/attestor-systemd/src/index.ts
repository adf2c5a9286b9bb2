export { SystemdAttestor } from './attestor.js';
export { type SystemdOptions } from './options.js';
export { register } from './register.js';
export { SYSTEMD_SELECTORS } from './selectors.js';
