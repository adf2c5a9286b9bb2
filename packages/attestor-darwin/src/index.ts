export { DarwinAttestor } from './attestor.js';
export { DarwinPeerSource } from './peer-source.js';
export { capabilities, type Capabilities } from './capabilities.js';
export { SELECTORS } from './selectors.js';
export { register } from './register.js';
