import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants } from 'node:os';
import { admissionOf, connectVerified, PortcullisError, type Evidence, type SelectorKey } from '@portcullis/core';
import { stubPolicy } from '@portcullis/core/testing';
import { LinuxAttestor, linuxConnectPort, LinuxPeerSource, probeCapabilities } from '@portcullis/attestor-linux';
import { Servers } from '../../../attestor-linux/dist-test/connect/servers.js';
import { Attesting } from '../../../attestor-linux/dist-test/support/attesting.js';
import { descriptorLinks, openDescriptors } from '../../../attestor-linux/dist-test/support/descriptors.js';
import { isAnswer, pathOf } from '../../../attestor-linux/dist-test/support/errnos.js';
import { injectFaults, type DoorCall } from '../../../attestor-linux/dist-test/support/faults.js';
import { needAttacks, needProgram } from '../../../attestor-linux/dist-test/support/features.js';
import { Stage } from '../../../attestor-linux/dist-test/support/stage.js';
import { TcpStage } from '../../../attestor-linux/dist-test/support/tcp-stage.js';
import { untrueIn } from './support/judge.js';

const { EPERM, ENOENT, ESRCH, EINVAL, EMFILE, EIO } = constants.errno;
const ERRNOS = [EPERM, ENOENT, ESRCH, EINVAL, EMFILE, EIO];
const KEYS: readonly SelectorKey[] = ['unix:uid', 'linux:live-uid', 'unix:path', 'unix:image'];

/** T20, I2: what `door.root.test.ts` does to streams of a gate, in short, to the other ways in, and to the way out. */
describe('faults at the door, but for a gate of Unix streams', function () {
  this.timeout(60_000);
  before(async function () {
    needAttacks(this);
    // The thread that looks at others stays: it is up before descriptors are counted.
    const stage = await Stage.open();
    const attesting = new Attesting();
    await attesting.look((await stage.connectedPuppet({ uid: 1 })).socket, KEYS);
    await attesting.close();
    await stage.close();
  });

  /**
   * `attempt` with each errno at every so many of its calls, of which the next errno has others: undefined, where it was
   * refused with a code, or what was said of an admitted peer.
   */
  async function atEachCall(step: number, attempt: () => Promise<Evidence | undefined>, prepare: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    await prepare();
    const truth = await attempt();
    assert.equal(truth?.size, KEYS.length);
    for (const [key, { state }] of truth) assert.equal(state, 'present', key);
    const openBefore = openDescriptors();
    let refused = 0;
    let admitted = 0;
    for (const [nth, errno] of ERRNOS.entries()) {
      for (let at = 1 + (nth % step), hit: DoorCall | undefined; ; at += step, hit = undefined) {
        await prepare();
        const stop = injectFaults((call) => {
          if (call.count !== at) return undefined;
          hit = call;
          return isAnswer(call, errno) ? undefined : { errno };
        });
        const evidence = await attempt().finally(stop);
        const what = `errno ${String(errno)} at call ${String(at)}, ${hit?.name ?? ''} ${hit === undefined ? '' : pathOf(hit)}`;
        if (evidence === undefined) refused += 1;
        else {
          admitted += 1;
          const untrue = untrueIn(evidence, truth);
          if (untrue !== undefined) assert.fail(`${what}: ${untrue}`);
        }
        if (hit === undefined) break;
      }
    }
    assert.ok(refused > 0 && admitted > 0, `${String(refused)} refused, ${String(admitted)} admitted`);
    assert.ok(openDescriptors() <= openBefore, descriptorLinks().join('\n'));
  }

  it('T20: an errno at each call of a look at a loopback TCP peer refuses with a code, or changes nothing that is true', async () => {
    const stage = await TcpStage.open();
    const { socket } = await stage.connected({ uid: 1 });
    let attesting: Attesting | undefined;
    try {
      await atEachCall(ERRNOS.length, async () => {
        const { attested: { decision, evidence } } = await attesting!.look(stage.connection(socket), KEYS);
        assert.ok(decision.effect === 'allow' || decision.code !== undefined, decision.cause);
        return decision.effect === 'allow' ? evidence : undefined;
      }, async () => {
        await attesting?.close();
        attesting = new Attesting({ transport: 'tcp' });
      });
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
      await atEachCall(2, async () => {
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
      }, async () => {
        await attestor.close();
        attestor = new LinuxAttestor(); // nothing is kept of the server
      });
    } finally {
      await attestor.close();
      await servers.close();
    }
  });
});
