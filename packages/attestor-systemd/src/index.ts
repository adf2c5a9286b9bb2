export { SystemdAttestor, type SystemdOptions } from './attestor.js';
export { register } from './register.js';
export { SYSTEMD_SELECTORS } from './selectors.js';
