import assert from 'node:assert/strict';
import { once } from 'node:events';
import { admissionOf, connectVerified, PortcullisError } from '@portcullis/core';
import { stubPolicy } from '@portcullis/core/testing';
import { fuzzMs } from '@portcullis/testkit';
import { LinuxAttestor, linuxConnectPort, LinuxPeerSource, probeCapabilities } from '@portcullis/attestor-linux';
import { Servers } from '../../../attestor-linux/dist-test/connect/servers.js';
import { Attesting } from '../../../attestor-linux/dist-test/support/attesting.js';
import { needAttacks, needProgram } from '../../../attestor-linux/dist-test/support/features.js';
import { Stage } from '../../../attestor-linux/dist-test/support/stage.js';
import { TcpStage } from '../../../attestor-linux/dist-test/support/tcp-stage.js';
import { atEachCall, KEYS } from './support/each-call.js';

/** T20, I2: what `door.root.test.ts` does to streams of a gate, in short, to the other ways in, and to the way out. */
describe('faults at the door, but for a gate of Unix streams', function () {
  this.timeout(fuzzMs(60_000));
  before(async function () {
    needAttacks(this);
    // The thread that looks at others stays: it is up before descriptors are counted.
    const stage = await Stage.open();
    const attesting = new Attesting();
    await attesting.look((await stage.connectedPuppet({ uid: 1 })).socket, KEYS);
    await attesting.close();
    await stage.close();
  });

  it('T20: an errno at each call of a look at a loopback TCP peer refuses with a code, or changes nothing that is true', async () => {
    const stage = await TcpStage.open();
    const { socket } = await stage.connected({ uid: 1 });
    let attesting: Attesting | undefined;
    try {
      await atEachCall({ step: 6, attempt: async () => {
        const { attested: { decision, evidence } } = await attesting!.look(stage.connection(socket), KEYS);
        assert.ok(decision.effect === 'allow' || decision.code !== undefined, decision.cause);
        return decision.effect === 'allow' ? evidence : undefined;
      }, prepare: async () => {
        await attesting?.close();
        attesting = new Attesting({ transport: 'tcp' });
      } });
    } finally {
      await attesting?.close();
      await stage.close();
    }
  });

  it('T20: an errno at each call of connectVerified refuses with a code, or changes nothing that is true', async function () {
    needProgram(this, '/usr/bin/python3');
    const servers = new Servers();
    await servers.start('serve', { uid: 0 });
    let attestor = new LinuxAttestor();
    const capabilities = probeCapabilities();
    const policy = stubPolicy({ keys: KEYS, allow: () => true });
    const [peerSource, connectPort] = [new LinuxPeerSource({ capabilities }), linuxConnectPort(capabilities)];
    try {
      await atEachCall({ step: 2, attempt: async () => {
        try {
          const socket = await connectVerified(servers.at('serve'), { policy, attestors: [attestor], peerSource, connectPort });
          const { evidence } = admissionOf(socket);
          socket.destroy();
          await once(socket, 'close');
          return evidence;
        } catch (error) {
          if (!(error instanceof PortcullisError)) throw error;
          return undefined;
        }
      }, prepare: async () => {
        await attestor.close();
        attestor = new LinuxAttestor(); // nothing is kept of the server
      } });
    } finally {
      await attestor.close();
      await servers.close();
    }
  });
});
