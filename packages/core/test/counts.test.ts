import assert from 'node:assert/strict';
import { createServer, Socket, type Server } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { fuzzFactor, fuzzMs } from '@portcullis/testkit';
import fc from 'fast-check';
import { DescriptorBudget } from '../dist/descriptor-budget.js';
import { createGate, type Decision, type Findings, type Gate, type HeldPeer, type Limit, type Policy } from '../dist/index.js';
import { fakeAttestor, fakePeerSource, findingsOf, hasValue, stubPolicy } from '../dist/testing/index.js';
import { Deferred } from './support/gated.js';

const PLACES = 12;
const LIVE_OF_ONE_USER = 3;
const PENDING = 6;
const UIDS = [1000, 1001, 6666]; // the last is never admitted

/** Admits all but one user, each so many at once. */
function policy(revision: string, id: string): Policy {
  const limit: Limit = { id, rule: 'a', key: ['unix:uid'], concurrent: LIVE_OF_ONE_USER };
  const refused = (cause: Decision['cause']): Decision => ({ effect: 'deny', cause, rules: [], grant: {} });
  const admitted: Decision = { effect: 'allow', cause: 'rule', rules: ['a'], grant: {}, limits: [limit] };
  return {
    ...stubPolicy({ keys: ['unix:uid'], revision }), limits: [limit],
    decide: (evidence, { limits, nowMs }) => {
      if (!hasValue(evidence, 'unix:uid', (uid) => uid !== 6666)) return refused('default');
      return limits?.hasRoom(limit, evidence, nowMs) === true ? admitted : refused('limit');
    },
  };
}

/** A gate of fakes, whose peers and leases are counted, and whose attestor answers when it is told to. */
class Counted {
  readonly budget = new DescriptorBudget({ limit: 64 + PLACES, used: 0 }, 1);
  readonly server: Server;
  readonly sockets: Socket[] = [];
  readonly handed: Socket[] = [];
  /** Of the leases that began, who hears of an exit. */
  readonly exits: (() => void)[] = [];
  readonly answers: { readonly answer: Deferred<Findings>; readonly uid: number }[] = [];
  readonly held = { taken: 0, closed: 0 };
  late = false;
  uid = 1000;
  gate!: Gate;
  readonly source = fakePeerSource(() => ({ uid: this.uid }));
  #revision = 0;

  constructor() {
    this.server = createServer((socket) => {
      this.handed.push(socket);
      socket.on('error', () => undefined);
    });
    const open = this.source.open.bind(this.source);
    Object.assign(this.source, { open: (connection: Parameters<typeof open>[0]) => Object.assign(open(connection), { hold: () => this.#hold() }) });
  }

  static async start(): Promise<Counted> {
    const counted = new Counted();
    const attestor = fakeAttestor({
      attest: ({ peer }) => {
        const { uid } = peer.credentials;
        if (!counted.late) return findingsOf({ 'unix:uid': uid });
        const answer = new Deferred<Findings>();
        counted.answers.push({ answer, uid });
        return answer.promise;
      },
    });
    counted.gate = await createGate({
      policy: policy('0', 'l'), peerSource: counted.source, attestors: [attestor], budget: counted.budget,
      maxPending: PENDING, maxPendingPerUid: PENDING, sink: { record: () => undefined }, refreshMs: 0, deadlineMs: 3_600_000,
    });
    counted.gate.guard(counted.server);
    return counted;
  }

  /** A connection of `uid`, whose answer comes late or at once. */
  come(uid: number, late: boolean): Socket {
    [this.uid, this.late] = [uid, late];
    const socket = new Socket();
    this.sockets.push(socket);
    this.server.emit('connection', socket);
    return socket;
  }

  /** The same limits, or others that begin anew. */
  async reload(id: string): Promise<void> {
    await this.gate.setPolicy(policy(String(this.#revision += 1), id));
    await settled();
  }

  get open(): number {
    return this.sockets.filter(({ destroyed }) => !destroyed).length;
  }

  #hold(): HeldPeer {
    this.held.taken += 1;
    let closed = false;
    return {
      watch: (onExit) => { this.exits.push(onExit); },
      verify: () => (closed ? undefined : { refused: 'peer-exited', detail: 'a fake that has exited' }),
      isConnectionHeld: () => true,
      close: () => {
        if (!closed) this.held.closed += 1;
        closed = true;
      },
    };
  }
}

/** All that follows at once of what was done, late answers and rechecks included, has happened. */
async function settled(): Promise<void> {
  for (let loops = 0; loops < 6; loops += 1) await turn();
}

type Step = readonly [what: 'come' | 'wait' | 'answer' | 'fail' | 'close' | 'strip' | 'again' | 'exit' | 'reload' | 'limits', n: number];

async function take(counted: Counted, [what, n]: Step): Promise<void> {
  const one = <T>(of: readonly T[]): T | undefined => of[n % of.length];
  switch (what) {
    case 'come': case 'wait': counted.come(one(UIDS) ?? 1000, what === 'wait'); break;
    case 'answer': case 'fail': {
      const [waiting] = counted.answers.length === 0 ? [] : counted.answers.splice(n % counted.answers.length, 1);
      if (what === 'fail') waiting?.answer.reject(new Error('an attestor failed'));
      else waiting?.answer.resolve(findingsOf({ 'unix:uid': waiting.uid }));
      break;
    }
    case 'close': one(counted.sockets)?.destroy(); break;
    case 'strip': one(counted.handed)?.removeAllListeners().on('error', () => undefined); break;
    case 'again': {
      const socket = one(counted.handed);
      if (socket !== undefined) counted.server.emit('connection', socket);
      break;
    }
    case 'exit': one(counted.exits)?.(); break;
    case 'reload': await counted.reload('l'); break;
    case 'limits': await counted.reload(`l${String(n)}`); break;
  }
  await settled();
}

const STEPS = fc.array(fc.tuple(fc.constantFrom<Step[0]>('come', 'come', 'wait', 'wait', 'answer', 'answer', 'fail', 'close', 'strip', 'again', 'exit', 'reload', 'limits'), fc.nat(100)), { maxLength: 40 });

describe('what a gate counts', function () {
  this.timeout(fuzzMs(60_000));

  it('T20: comes back whole after any order of arrivals, late answers, failures, ends, revocations and reloads', async () => {
    await fc.assert(fc.asyncProperty(STEPS, async (steps) => {
      const counted = await Counted.start();
      const { gate, budget } = counted;
      for (const step of steps) {
        await take(counted, step);
        assert.deepEqual([gate.load.live, budget.taken], [counted.open, counted.open], step.join(' '));
        assert.ok(gate.load.pending <= PENDING);
      }
      for (const { answer } of counted.answers.splice(0)) answer.reject(new Error('over'));
      for (const socket of counted.sockets) socket.destroy();
      await settled();
      assert.deepEqual([gate.load, budget.taken], [{ live: 0, pending: 0 }, 0]);
      assert.equal(counted.held.closed, counted.held.taken);
      assert.deepEqual(counted.source.peers.filter(({ closed }) => closed !== 1), []);
      // Each limit has all its places again, and not one more; so has what may wait.
      counted.handed.length = 0;
      for (let n = 0; n < 2 * LIVE_OF_ONE_USER; n += 1) counted.come(1000, false);
      await settled();
      assert.equal(counted.handed.length, LIVE_OF_ONE_USER);
      for (let n = 0; n < 2 * PENDING; n += 1) counted.come(1001, true);
      await settled();
      assert.equal(gate.load.pending, Math.floor(PLACES / 4)); // of one user
      const ended = gate.close({ drainMs: 0 });
      await ended;
      await settled();
      assert.deepEqual([gate.load, budget.taken], [{ live: 0, pending: 0 }, 0]);
    }), { numRuns: Math.ceil(60 * fuzzFactor()) });
  });
});
