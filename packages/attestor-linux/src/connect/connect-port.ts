import type { ConnectPort } from '@portcullis/core';
import { probeCapabilities, type Capabilities } from '../capabilities.js';
import { connectTo } from './connect.js';
import { examine } from './examine.js';
import { sendPeer } from './send-peer.js';

/** The verified connect of Linux. @throws PortcullisError `PLATFORM_UNSUPPORTED`, `PLATFORM_PROBE` */
export function linuxConnectPort(capabilities: Capabilities = probeCapabilities()): ConnectPort {
  return { connect: connectTo, examine: (fd) => examine(fd, capabilities), sendPeer };
}
