import { PortcullisError, type Fd } from '@portcullis/core';
import { AF_INET, SOCK_CLOEXEC, SOCK_STREAM } from '../ffi/constants.js';
import { SysFailure } from '../ffi/errno.js';
import { closeFd } from '../ffi/file.js';
import { libc } from '../ffi/libc.js';
import { getSockName } from '../ffi/sockaddr.js';
import { getCookie } from '../ffi/sockopt.js';
import { statFd } from '../ffi/statx.js';
import { findSocket } from './inet-diag.js';

let probed = false;

/**
 * Connects this process to itself on 127.0.0.1, and checks that sock_diag tells user, inode and cookie of that very socket.
 * @throws PortcullisError `PLATFORM_PROBE`
 */
export function probeSockDiag(): void {
  if (probed) return;
  const opened: Fd[] = [];
  try {
    const wrong = whyNotAboutUs(opened);
    if (wrong !== undefined) throw new PortcullisError('PLATFORM_PROBE', `sock_diag does not tell who holds a TCP socket of this process: ${wrong}; the kernel needs CONFIG_INET_TCP_DIAG`);
    probed = true;
  } finally {
    for (const fd of opened) closeFd(fd);
  }
}

const LOCALHOST = Buffer.from([AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]); // struct sockaddr_in, port 0: any

function whyNotAboutUs(opened: Fd[]): string | undefined {
  const [listening, client] = [tcpSocket(opened), tcpSocket(opened)];
  if (libc().bind(listening, LOCALHOST, LOCALHOST.length) !== 0) return failed('bind(127.0.0.1)');
  if (libc().listen(listening, 1) !== 0) return failed('listen()');
  const there = getSockName(listening);
  if (there instanceof SysFailure) return there.toString();
  const address = Buffer.from(LOCALHOST);
  address.writeUInt16BE(there.port, 2);
  if (libc().connect(client, address, address.length) !== 0) return failed('connect(127.0.0.1)');
  const here = getSockName(client);
  if (here instanceof SysFailure) return here.toString();
  const [found, cookie, file] = [findSocket(here, there), getCookie(client), statFd(client)];
  if (found instanceof SysFailure) return found.toString();
  if (file instanceof SysFailure) return file.toString();
  const same = found.cookie === cookie && BigInt(found.inode) === file.ino && found.uid === process.geteuid?.();
  return same ? undefined : `it says uid ${String(found.uid)}, inode ${String(found.inode)}`;
}

function tcpSocket(opened: Fd[]): Fd {
  const fd = libc().socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) as Fd;
  if (fd >= 0) opened.push(fd);
  return fd;
}

function failed(call: string): string {
  return new SysFailure(call, libc().errno()).toString();
}
