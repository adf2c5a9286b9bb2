import type { ConnectPort } from '@portcullis/core';
import { systemLibc, type Libc } from '../ffi/libc.js';
import { connectTo } from './connect.js';
import { examine } from './examine.js';

/** The verified connect of macOS. @throws PortcullisError `PLATFORM_UNSUPPORTED` */
export function darwinConnectPort(libc: Libc = systemLibc()): ConnectPort {
  return { connect: (path) => connectTo(libc, path), examine: (fd) => examine(libc, fd) };
}
