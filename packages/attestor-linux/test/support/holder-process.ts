// A server on 127.0.0.1 in a process of its own, which may be held up. Prints its port, `accepted` for one connection, then reads
// `PID DESCRIPTOR`, asks whether that process holds the client's socket and pins it, as if a search had found it, and prints a JSON.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Pid } from '@portcullis/core';
import { pidfdOpen } from '../../dist/ffi/pidfd.js';
import { LoopbackPeer } from '../../dist/loopback/loopback-peer.js';
import { pinHolder, whyNotHeld } from '../../dist/loopback/pin-holder.js';
import { Attesting } from './attesting.js';

const attesting = new Attesting({ transport: 'tcp' });
const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
await once(server, 'listening');
process.stdout.write(`${String((server.address() as AddressInfo).port)}\n`);
const [socket] = (await once(server, 'connection')) as [Socket];
const { peer } = await attesting.look(socket, ['unix:uid']);
if (!(peer instanceof LoopbackPeer)) throw new Error('not a peer of loopback TCP');
process.stdout.write('accepted\n');
const [line] = (await once(createInterface(process.stdin), 'line')) as [string];
const [pid = 0, foreignFd = 0] = line.split(' ').map(Number);
const { client } = peer;
const holder = { inode: client.inode, pid, foreignFd, processes: 1 };
const pidfd = pidfdOpen(pid as Pid);
if (typeof pidfd !== 'number') throw new Error(pidfd.toString());
const wrong = whyNotHeld(pidfd, holder, client);
const pin = pinHolder(holder, client, attesting.source.capabilities);
process.stdout.write(`${JSON.stringify({ held: wrong === undefined ? 'yes' : 'why' in wrong ? wrong.why : wrong.refused, pinned: 'pidfd' in pin })}\n`);
process.exit();
