import assert from 'node:assert/strict';
import { probeCapabilities } from '@portcullis/attestor-linux';
import { requireFeature } from '@portcullis/testkit';
import { Attesting } from '../support/attesting.js';
import { compiled } from '../support/compile.js';
import { descriptorLinks, openDescriptors } from '../support/descriptors.js';
import { needAttacks, SOMEBODY } from '../support/features.js';
import { interceptCalls } from '../support/intercept.js';
import { ALL_KEYS, CHEAP_KEYS } from '../support/keys.js';
import { Stage } from '../support/stage.js';
import { KnownProcess } from '../../dist/image/known-process.js';

const MANY = 1000;

describe('T20: descriptors', () => {
  before(async function () {
    needAttacks(this);
    // What Node itself opens with its first process and its first thread stays open.
    const stage = await Stage.open();
    const attesting = new Attesting();
    await attesting.look((await stage.connectedPuppet()).socket, ALL_KEYS);
    await attesting.close();
    await stage.close();
  });

  it(`T20, T1: ${String(MANY)} attestations of peers that die meanwhile leave none behind`, async () => {
    const before = openDescriptors();
    const stage = await Stage.open();
    const attesting = new Attesting();
    stage.start(compiled('swarm'), [stage.socketPath, String(MANY)], { uid: SOMEBODY });
    const outcomes = new Map<string, number>();
    for (let count = 0; count < MANY; count += 1) {
      const socket = await stage.accepted();
      const look = await attesting.look(socket, count % 50 === 0 ? ALL_KEYS : CHEAP_KEYS);
      const outcome = look.refused ?? 'admitted';
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      look.close();
      socket.destroy();
    }
    await attesting.close();
    await stage.close();
    await new Promise((resolve) => setImmediate(resolve)); // the sockets' own closing
    assert.deepEqual([...outcomes.keys()].filter((outcome) => !['admitted', 'peer-exited', 'peer-changed'].includes(outcome)), []);
    assert.ok((outcomes.get('peer-exited') ?? 0) > 0);
    assert.ok(openDescriptors() <= before, descriptorLinks().join('\n'));
  });

  it('T20: what is kept of processes is bounded, and released when the attestor closes', async function () {
    const { uniquePidfdInodes, pidfdInfo } = probeCapabilities();
    requireFeature(this, 'kept', uniquePidfdInodes && pidfdInfo, 'nothing is kept between connections before Linux 6.13');
    const before = openDescriptors();
    const stage = await Stage.open();
    const attesting = new Attesting();
    for (let count = 0; count < 300; count += 1) {
      const { puppet, socket } = await stage.connectedPuppet();
      const look = await attesting.look(socket, ['unix:path', 'linux:cgroup']);
      assert.equal(look.refused, undefined);
      look.close();
      socket.destroy();
      await puppet.kill();
    }
    const kept = openDescriptors() - before;
    assert.ok(kept > 2 * 256 && kept < 3 * 256 + 20, String(kept));
    await attesting.close();
    await stage.close();
    assert.ok(openDescriptors() <= before, descriptorLinks().join('\n'));
  });

  it('T20: a process that was dropped while its peer still waits keeps none', () => {
    const known = new KnownProcess({ pid: process.pid, ruid: 0, rgid: 0, euid: 0, egid: 0, cgroupId: 0n });
    known.forget();
    const before = openDescriptors();
    assert.ok(known.cgroupText('/proc/self') instanceof Buffer);
    assert.equal(openDescriptors(), before);
  });

  it('T20: no call of an attestation opens a descriptor that a program started meanwhile would inherit', async () => {
    const stage = await Stage.open();
    const attesting = new Attesting();
    const { socket } = await stage.connectedPuppet();
    const flags: number[] = [];
    const stop = interceptCalls((_count, name, args) => { if (name === 'openat') flags.push(Number(args[2])); });
    await attesting.look(socket, ALL_KEYS).finally(stop);
    assert.ok(flags.length > 3);
    for (const flag of flags) assert.equal(flag & 0o2000000, 0o2000000);
    await attesting.close();
    await stage.close();
  });
});
