import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPid } from '@portcullis/attestor-linux';
import { SystemdAttestor } from '@portcullis/attestor-systemd';
import { isRefusal, type Evidenced, type Peer, type Pid } from '@portcullis/core';
import { ALL, ask, attached, openDescriptors } from './support/ask.js';
import { Buses, NOBODY, type MockUnit } from './support/buses.js';
import { PeerInUnit } from './support/peer-in-unit.js';

const INVOCATION = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';

/** On a real dbus-daemon, with a mock of the manager by another library: the flow is real, the manager's answers are not. */
describe('a service manager on a message bus', function () {
  let buses: Buses;
  let peer: PeerInUnit;
  let attestor: SystemdAttestor | undefined;

  before(function () { Buses.need(this); });
  beforeEach(() => {
    buses = new Buses();
    peer = new PeerInUnit('manager');
  });
  afterEach(async () => {
    attestor?.close();
    await peer.close();
    await buses.close();
  });

  function unitOf(more: Partial<MockUnit> = {}): Record<string, MockUnit> {
    return { [peer.pid]: { id: peer.unit, cgroup: peer.cgroup, fragment: `/lib/systemd/system/${peer.unit}`, invocation: INVOCATION, ...more } };
  }

  function make(timeoutMs = 20_000): SystemdAttestor {
    return (attestor = attached(new SystemdAttestor({ busPath: buses.path, timeoutMs })));
  }

  /** Why each key is unknown; the unit falls back to the cgroup, and is worth less. */
  function assertUnknown(found: ReadonlyMap<string, Evidenced>, why: string): void {
    assert.deepEqual(found.get('systemd:id'), { state: 'present', values: [peer.unit], tier: 'heuristic' });
    for (const key of ALL.slice(1)) {
      const entry = found.get(key);
      assert.equal(entry?.state === 'unknown' ? entry.why : entry?.state, why, JSON.stringify(entry));
    }
  }

  it('names unit, fragment and invocation of a peer, on one connection', async () => {
    await buses.daemon();
    await buses.service(unitOf());
    const mine = make();
    const found = await ask(mine, peer.pid);
    const before = openDescriptors();
    assert.deepEqual(found.get('systemd:id'), { state: 'present', values: [peer.unit], tier: 'derived' });
    assert.deepEqual(found.get('systemd:fragment_path'), { state: 'present', values: [`/lib/systemd/system/${peer.unit}`], tier: 'derived' });
    assert.deepEqual(found.get('systemd:invocation-id'), { state: 'present', values: [INVOCATION], tier: 'derived' });
    for (let times = 0; times < 20; times += 1) await ask(mine, peer.pid);
    assert.equal(openDescriptors(), before);
    mine.close();
    for (let tries = 0; tries < 100 && openDescriptors() >= before; tries += 1) await sleep(20);
    assert.ok(openDescriptors() < before, 'the connection outlives the attestor');
  });

  it('is asked by a pidfd of the pinned process, and keeps none of them', async () => {
    await buses.daemon();
    const service = await buses.service(unitOf());
    const mine = make();
    for (let times = 0; times < 20; times += 1) assert.deepEqual((await ask(mine, peer.pid)).get('systemd:id'), { state: 'present', values: [peer.unit], tier: 'derived' });
    const asked = buses.asked(service);
    assert.deepEqual(asked.map(([question]) => question), Array.from({ length: 20 }, () => 'GetUnitByPIDFD'));
    assert.equal(asked.at(-1)?.[1], asked[0]?.[1]);
  });

  it('is sent no descriptor of a peer whose admission ended while others still wait', async () => {
    await buses.daemon();
    const service = await buses.service(unitOf());
    const [connecting, release] = [new EventEmitter(), new EventEmitter()];
    const sent: Peer[] = [];
    const mine = (attestor = attached(new SystemdAttestor({ busPath: buses.path, timeoutMs: 20_000 }), (host) => ({
      async connect(path, uid, timeoutMs) {
        connecting.emit('now');
        await once(release, 'now');
        return host.connect(path, uid, timeoutMs);
      },
      writeWithPeer(socket, bytes, of) {
        sent.push(of);
        return host.writeWithPeer(socket, bytes, of);
      },
    })));
    const [early, late] = [openPid(peer.pid as Pid), openPid(peer.pid as Pid)];
    assert.ok(!isRefusal(early) && !isRefusal(late));
    const controller = new AbortController();
    const begun = once(connecting, 'now');
    const given = peer.given;
    const answers = [mine.attest(early, new Set(ALL), controller.signal, given), mine.attest(late, new Set(ALL), AbortSignal.timeout(30_000), given)];
    await begun;
    await sleep(0);
    controller.abort();
    assert.equal((await answers[0])?.get('systemd:invocation-id')?.state, 'unknown');
    early.close();
    release.emit('now');
    assert.equal((await answers[1])?.get('systemd:invocation-id')?.state, 'present');
    assert.deepEqual(sent, [late]);
    assert.ok(buses.asked(service).some(([question]) => question === 'GetUnitByPIDFD'));
    late.close();
  });

  it('of another pid namespace, to which the number of the peer says nothing, has its unit all the same', async () => {
    await buses.daemon();
    await buses.service(unitOf(), 'elsewhere');
    const found = await ask(make(), peer.pid);
    assert.deepEqual(ALL.map((key) => found.get(key)), [peer.unit, `/lib/systemd/system/${peer.unit}`, INVOCATION].map((value) => ({ state: 'present', values: [value], tier: 'derived' })));
  });

  for (const [title, mode, questions] of [
    ['below systemd 253', 'old', ['GetUnitByPID', 'GetUnitByPID', 'GetUnitByPID']],
    ['behind a configuration that knows no pidfds', 'forbids', ['GetUnitByPIDFD', 'GetUnitByPID', 'GetUnitByPID', 'GetUnitByPID']],
  ] as const) {
    it(`${title} is asked by pid, and tried with a pidfd once`, async () => {
      await buses.daemon();
      const service = await buses.service(unitOf(), mode);
      const mine = make();
      for (let times = 0; times < 3; times += 1) {
        const found = await ask(mine, peer.pid);
        assert.deepEqual([found.get('systemd:id'), found.get('systemd:invocation-id')], [peer.unit, INVOCATION].map((value) => ({ state: 'present', values: [value], tier: 'derived' })));
      }
      assert.deepEqual(buses.asked(service).map(([question]) => question), questions);
    });
  }

  it('that says what the cgroup contradicts is not believed', async () => {
    await buses.daemon();
    const service = await buses.service(unitOf({ cgroup: '/system.slice/sshd.service', id: 'sshd.service' }));
    for (const key of ALL) assert.equal(reason(await ask(make(), peer.pid), key), 'unanchored');
    await buses.end(service);
    await buses.service({});
    assert.equal(reason(await ask(make(), peer.pid), 'systemd:id'), 'unanchored');
  });

  it('that knows a peer only by a slice makes its unit unknown where the cgroup names one', async () => {
    await buses.daemon();
    await buses.service(unitOf({ id: '-.slice', cgroup: '/' }));
    assert.equal(reason(await ask(make(), peer.pid), 'systemd:id'), 'unanchored');
  });

  it('has no unit for a process that is in none: absent', async () => {
    await buses.daemon();
    await buses.service({});
    const found = await ask(make(), process.pid);
    const cgroup = found.get('systemd:unit');
    for (const key of ALL) assert.equal(found.get(key)?.state, cgroup?.state === 'absent' ? 'absent' : 'unknown');
  });

  it('has units without a fragment or an invocation: absent', async () => {
    await buses.daemon();
    await buses.service(unitOf({ fragment: '', invocation: '' }));
    const found = await ask(make(), peer.pid);
    assert.deepEqual([found.get('systemd:fragment_path')?.state, found.get('systemd:invocation-id')?.state], ['absent', 'absent']);
  });

  it('of another user than root is not believed', async () => {
    await buses.daemon();
    await buses.service(unitOf(), 'honest', NOBODY);
    assertUnknown(await ask(make(), peer.pid), 'permission');
  });

  it('hears no byte behind a bus of another user', async () => {
    await buses.daemon(NOBODY);
    assertUnknown(await ask(make(), peer.pid), 'service-down');
  });

  it('that is not there makes keys unknown, and is found when it comes', async () => {
    const mine = make();
    assertUnknown(await ask(mine, peer.pid), 'service-down');
    const daemon = await buses.daemon();
    assertUnknown(await ask(mine, peer.pid), 'service-down');
    await buses.service(unitOf());
    assert.equal((await ask(mine, peer.pid)).get('systemd:invocation-id')?.state, 'present');
    await buses.end(daemon);
    assertUnknown(await ask(mine, peer.pid), 'service-down');
    await buses.daemon();
    await buses.service(unitOf());
    assert.equal((await ask(mine, peer.pid)).get('systemd:invocation-id')?.state, 'present');
  });

  it('that never answers is given up, and its connection with it', async () => {
    await buses.daemon();
    await buses.service(unitOf(), 'silent');
    const mine = make(700);
    const before = openDescriptors();
    assertUnknown(await ask(mine, peer.pid), 'timeout');
    assertUnknown(await ask(attached(new SystemdAttestor({ busPath: buses.path, timeoutMs: 600_000 })), peer.pid, ALL, AbortSignal.timeout(700)), 'timeout');
    for (let tries = 0; tries < 100 && openDescriptors() > before; tries += 1) await sleep(20);
    assert.equal(openDescriptors(), before);
  });

  it('is asked on for one peer while the admissions of others end (T20)', async () => {
    await buses.daemon();
    await buses.service(unitOf());
    const mine = make();
    await ask(mine, peer.pid);
    const waits = ask(mine, peer.pid);
    const gone = Array.from({ length: 40 }, async (_, index) => {
      const controller = new AbortController();
      const one = ask(mine, peer.pid, ALL, controller.signal);
      if (index % 2 === 1) await new Promise((resolve) => { setImmediate(resolve); });
      controller.abort();
      return one;
    });
    const [found] = await Promise.all([waits, ...gone]);
    assert.deepEqual(found.get('systemd:id'), { state: 'present', values: [peer.unit], tier: 'derived' });
  });

  it('that answers 20 MB is cut off', async () => {
    await buses.daemon();
    await buses.service(unitOf(), 'huge');
    const before = process.memoryUsage().arrayBuffers;
    assertUnknown(await ask(make(), peer.pid), 'undecodable');
    assert.ok(process.memoryUsage().arrayBuffers - before < 4_000_000);
  });
});

function reason(found: ReadonlyMap<string, Evidenced>, key: string): string | undefined {
  const entry = found.get(key);
  return entry?.state === 'unknown' ? entry.why : entry?.state;
}
