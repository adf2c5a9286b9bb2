export { DarwinAttestor } from './attestor.js';
export { type Capabilities } from './capabilities.js';
export { darwinConnectPort } from './connect/connect-port.js';
export { darwinListenPort } from './listen/listen-port.js';
export { DarwinPeer } from './peer.js';
export { DarwinPeerSource, type PeerSourceOptions } from './peer-source.js';
export { register } from './register.js';
export { DARWIN_SELECTORS } from './selectors.js';
