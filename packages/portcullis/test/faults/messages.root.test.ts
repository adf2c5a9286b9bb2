import assert from 'node:assert/strict';
import { PortcullisError, type Evidence, type MessageSocketKind } from '@portcullis/core';
import { stubPolicy } from '@portcullis/core/testing';
import { fuzzMs } from '@portcullis/testkit';
import { SysFailure } from '../../../attestor-linux/dist/ffi/errno.js';
import { needAttacks, needProgram } from '../../../attestor-linux/dist-test/support/features.js';
import { PeerProcess } from '../../../attestor-linux/dist-test/support/peer-process.js';
import { Receiving } from '../../../attestor-linux/dist-test/support/receiving.js';
import { atEachCall, KEYS } from './support/each-call.js';

/** A python3 program that sends one message to each path it is told, and says `over` when it may not send, or is hung up on, or at a line. */
const SENDER = (kind: MessageSocketKind): string => `
import select, socket, sys
for path in iter(sys.stdin.readline, ""):
    to = socket.socket(socket.AF_UNIX, socket.${kind === 'datagram' ? 'SOCK_DGRAM' : 'SOCK_SEQPACKET'})
    try:
        to.connect(path[:-1])
        to.send(b"x")
        select.select([to, sys.stdin], [], [])
    except OSError:
        pass
    print("over", flush=True)
    sys.stdin.readline()
    to.close()
    print("closed", flush=True)`;

/** T20, I1, I2: what `door.root.test.ts` does to streams, to messages. */
describe('faults at the door, for messages', function () {
  this.timeout(fuzzMs(60_000));
  before(function () { needAttacks(this); needProgram(this, '/usr/bin/python3'); });

  for (const kind of ['datagram', 'seqpacket'] as const) {
    it(`T20: an errno at each call of a ${kind} message hands it on to nobody, or changes nothing that is true`, async () => {
      const sender = new PeerProcess('/usr/bin/python3', ['-u', '-c', SENDER(kind)], { uid: 1 });
      let receiving!: Receiving;
      /** One that is heard is `receiving`'s at once; of one that is not, its sender is told, or the reader says so. */
      const heard = (): number => receiving.messages.length + receiving.refused.length + receiving.failures.length;
      const attempt = async (): Promise<Evidence | undefined> => {
        const sending = { over: false };
        sender.child.stdin.write(`${receiving.path}\n`);
        const hungUp = sender.expect('over').then(() => { sending.over = true; });
        while (heard() === 0 && !sending.over) await new Promise((resolve) => setImmediate(resolve));
        sender.child.stdin.write('close\n');
        await hungUp;
        await sender.expect('closed');
        assert.ok(receiving.messages.length + receiving.refused.length <= 1);
        for (const { decision } of receiving.refused) assert.ok(decision.code !== undefined, decision.cause);
        for (const failure of receiving.failures) assert.ok(failure instanceof PortcullisError || failure instanceof SysFailure, String(failure));
        return receiving.messages[0]?.admission.evidence;
      };
      try {
        await atEachCall({
          step: 2, attempt,
          prepare: async () => { receiving = await Receiving.start(stubPolicy({ keys: KEYS, allow: () => true }), { kind }); },
          after: async () => { await receiving.close(); },
        });
      } finally {
        await sender.kill();
        await receiving.close();
      }
    });
  }
});
