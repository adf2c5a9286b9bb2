/**
 * A gateway of its own process: `gateway.js WHERE [budget]`. WHERE is a path, `fd:3` or `systemd:NAME`. It welcomes every
 * peer of its own user whose program it can look at, and says on standard output, a line of JSON each, that it listens,
 * why it does not, what it decided, and what failed.
 */
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { LinuxAttestor, linuxListenPort, LinuxPeerSource } from '@portcullis/attestor-linux';
import { createGate, DescriptorBudget, PortcullisError, type ListenTarget } from '@portcullis/core';
import { hasValue, stubPolicy } from '@portcullis/core/testing';

export const GATEWAY = fileURLToPath(import.meta.url);

/** One line of what it says. */
export interface Said {
  readonly listening?: string | null;
  readonly refused?: string;
  readonly effect?: 'allow' | 'deny';
  readonly cause?: string;
  readonly code?: string;
  readonly failed?: string;
}

if (process.argv[1] === GATEWAY) {
  const [where = '', budget] = process.argv.slice(2);
  const say = (line: Said): void => { process.stdout.write(`${JSON.stringify(line)}\n`); };
  const target: ListenTarget = where.startsWith('fd:') ? { fd: Number(where.slice(3)) } : where.startsWith('systemd:') ? { systemd: where.slice(8) } : { path: where };
  const gate = await createGate({
    policy: stubPolicy({
      keys: ['unix:uid', 'unix:path'],
      allow: (evidence) => hasValue(evidence, 'unix:uid', (uid) => uid === process.getuid?.()) && hasValue(evidence, 'unix:path', () => true),
    }),
    peerSource: new LinuxPeerSource(),
    attestors: [new LinuxAttestor()],
    listenPort: linuxListenPort(),
    ...(budget === 'unlimited' && { budget: new DescriptorBudget({ limit: Infinity, used: 0 }, 1) }),
    sink: { record: ({ decision: { effect, cause, code } }) => { say({ effect, cause, ...(code !== undefined && { code }) }); } },
  });
  gate.on('failed', ({ where: place, error }) => { say({ failed: `${place} ${String(error)}` }); });
  try {
    const { path } = await gate.listen(createServer((socket) => { socket.on('error', () => undefined).resume().write('w'); }), target);
    say({ listening: path ?? null });
    process.on('SIGTERM', () => void gate.close({ drainMs: 0 }));
  } catch (error) {
    say({ refused: error instanceof PortcullisError ? error.code : String(error) });
    process.exitCode = 1;
  }
}
