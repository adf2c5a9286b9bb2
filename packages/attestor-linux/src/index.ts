export { LinuxAttestor } from './attestor.js';
export { probeCapabilities, NAMESPACES, type Capabilities } from './capabilities.js';
export { linuxConnectPort } from './connect/connect-port.js';
export { linuxListenPort } from './listen/listen-port.js';
export { LinuxPeer } from './peer.js';
export { openPid } from './pid-peer.js';
export { LinuxPeerSource, type PeerSourceOptions } from './peer-source.js';
export { register } from './register.js';
export { LINUX_SELECTORS } from './selectors.js';
