export { DarwinAttestor } from './attestor.js';
export { DarwinPeerSource } from './peer-source.js';
export { capabilities, type Capabilities } from './capabilities.js';
export { DARWIN_SELECTORS } from './selectors.js';
export { register } from './register.js';
