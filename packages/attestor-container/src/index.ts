export { ContainerAttestor } from './attestor.js';
export { type ContainerOptions } from './options.js';
export { register } from './register.js';
export { CONTAINER_SELECTORS } from './selectors.js';
