import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import fc from 'fast-check';
import { DescriptorBudget } from '../dist/descriptor-budget.js';
import type { Lease } from '../dist/lease.js';
import { LiveConnections } from '../dist/live.js';

/** Says how often it was ended: all that a gate asks of a lease when its connection closes. */
class CountedLease {
  ended = 0;

  end(): void {
    this.ended += 1;
  }

  static asLease(counted: CountedLease): Lease {
    return counted as unknown as Lease;
  }
}

function close(socket: Socket): void {
  socket.destroy();
}

describe('the live connections of a gate', () => {
  it('are those that came and have not closed, in whatever order they close', () => {
    fc.assert(fc.property(fc.array(fc.nat(), { maxLength: 40 }), (order) => {
      const live = new LiveConnections(undefined);
      const open: { socket: Socket; lease: CountedLease }[] = [];
      for (const at of order) {
        const one = { socket: new Socket(), lease: new CountedLease() };
        assert.ok(live.enter(one.socket));
        live.leased(one.socket, CountedLease.asLease(one.lease));
        open.push(one);
        if (at % 3 !== 0) continue;
        const [gone] = open.splice(at % open.length, 1);
        assert.ok(gone);
        close(gone.socket);
        assert.equal(gone.lease.ended, 1);
        assert.equal(live.count, open.length);
      }
      live.destroyAll();
      for (const { socket } of open) assert.ok(socket.destroyed);
      for (const { socket } of open) close(socket);
      assert.equal(live.count, 0);
      assert.deepEqual(open.map(({ lease }) => lease.ended), open.map(() => 1));
    }));
  });

  it('are counted once by each gate that a connection passes, and leave both', () => {
    const [outer, inner] = [new LiveConnections(undefined), new LiveConnections(undefined)];
    const [first, second, again] = [new CountedLease(), new CountedLease(), new CountedLease()];
    const socket = new Socket();
    outer.enter(socket);
    outer.leased(socket, CountedLease.asLease(first));
    inner.enter(socket);
    inner.leased(socket, CountedLease.asLease(second));
    outer.enter(socket); // another server of the outer gate
    outer.leased(socket, CountedLease.asLease(again));
    assert.deepEqual([outer.count, inner.count], [1, 1]);
    assert.deepEqual([first.ended, second.ended, again.ended], [1, 0, 0]);
    close(socket);
    assert.deepEqual([outer.count, inner.count], [0, 0]);
    assert.deepEqual([first.ended, second.ended, again.ended], [1, 1, 1]);
  });

  it('end at once the lease of a connection that closed before it had one', () => {
    const live = new LiveConnections(undefined);
    const [socket, lease] = [new Socket(), new CountedLease()];
    live.enter(socket);
    close(socket);
    live.leased(socket, CountedLease.asLease(lease));
    assert.equal(lease.ended, 1);
  });

  it('leave though the application took every listener of theirs away, as for another protocol on the same socket', () => {
    const budget = new DescriptorBudget({ limit: 64 + 1, used: 0 }, 1);
    const live = new LiveConnections(budget);
    const [socket, lease, released] = [new Socket(), new CountedLease(), [] as string[]];
    live.enter(socket);
    live.leased(socket, CountedLease.asLease(lease));
    live.whenClosed(socket, () => { released.push('one'); });
    live.whenClosed(socket, () => { released.push('two'); });
    socket.removeAllListeners().destroy();
    socket.destroy();
    assert.deepEqual([live.count, budget.taken, lease.ended, released], [0, 0, 1, ['one', 'two']]);
  });

  it('are not those that were over before they came: nothing is taken that would never be given back', async () => {
    const budget = new DescriptorBudget({ limit: 64 + 1, used: 0 }, 1);
    const live = new LiveConnections(budget);
    const socket = new Socket();
    close(socket);
    assert.ok(live.enter(socket));
    let released = 0;
    live.whenClosed(socket, () => { released += 1; });
    assert.deepEqual([live.count, budget.taken, released], [0, 0, 1]);
    await live.drain(60_000);
  });

  it('are drained when the last of them closes', async () => {
    const live = new LiveConnections(undefined);
    const sockets = [new Socket(), new Socket()];
    for (const socket of sockets) live.enter(socket);
    const drained = live.drain(60_000);
    for (const socket of sockets) close(socket);
    await drained;
    assert.equal(live.count, 0);
  });
});
