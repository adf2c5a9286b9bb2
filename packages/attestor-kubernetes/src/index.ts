export { KubernetesAttestor } from './attestor.js';
export { type KubernetesOptions } from './options.js';
export { register } from './register.js';
export { KUBERNETES_SELECTORS } from './selectors.js';
