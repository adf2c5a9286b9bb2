import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fuzzFactor, fuzzMs } from '@portcullis/testkit';
import type { Answer, Order } from './contender.js';
import { knock, needLinux, Scratch } from './scratch.js';

const ROUNDS = 300;
const LEAD_MS = 4;

/** A gateway in a process of its own. */
class Contender {
  static readonly #all = new Set<Contender>();
  readonly #child: ChildProcess = fork(join(import.meta.dirname, 'contender.js'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });

  constructor() {
    Contender.#all.add(this);
  }

  /** Also of those whose test failed half-way: a process left over would keep mocha from ending. */
  static async endAll(): Promise<void> {
    await Promise.all([...Contender.#all].map((contender) => contender.end()));
  }

  async ready(): Promise<void> {
    await once(this.#child, 'message');
  }

  async order(order: Order): Promise<Answer> {
    const answered = once(this.#child, 'message');
    this.#child.send(order);
    return (await answered)[0] as Answer;
  }

  async end(): Promise<void> {
    Contender.#all.delete(this);
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

function soon(): number {
  return performance.timeOrigin + performance.now() + LEAD_MS;
}

describe('safe listen: two gateways at one path (T18)', function () {
  this.timeout(fuzzMs(120_000));
  let scratch: Scratch;
  let path: string;
  let gateways: readonly [Contender, Contender];

  before(async function () {
    needLinux(this);
    gateways = [new Contender(), new Contender()];
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  });
  beforeEach(() => {
    scratch = new Scratch();
    path = scratch.at('s');
  });
  afterEach(() => { scratch.remove(); });
  after(() => Contender.endAll());

  /** Both start at one moment; exactly one may win, and its socket must be the one at the path. */
  async function race(): Promise<{ winner: Contender; answer: Answer }> {
    const atMs = soon();
    const answers = await Promise.all(gateways.map((gateway) => gateway.order({ op: 'bind', path, atMs })));
    const winners = gateways.filter((_, n) => answers[n]?.won === true);
    assert.equal(winners.length, 1, JSON.stringify(answers));
    assert.deepEqual(answers.filter((answer) => !answer.won).map((answer) => answer.code), ['LISTEN_IN_USE']);
    assert.equal(await knock(path), 'connected', 'the winner\'s path was removed');
    assert.deepEqual(readdirSync(scratch.path), ['s']);
    return { winner: winners[0]!, answer: answers.find((answer) => answer.won)! };
  }

  it('lets one of them win a fresh path, every time', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { winner, answer } = await race();
      assert.equal(answer.replacedStale, false);
      await winner.order({ op: 'stop', atMs: 0 });
    }
  });

  it('lets one of them take over a stale socket, every time, and never removes the other\'s', async () => {
    scratch.stale(path);
    for (let round = 0; round < ROUNDS; round += 1) {
      const { winner, answer } = await race();
      assert.equal(answer.replacedStale, true);
      await winner.order({ op: 'crash', atMs: 0 });
    }
  });

  it('keeps the socket of a gateway that starts while its forerunner stops', async () => {
    let [runs, starts] = gateways;
    assert.equal((await runs.order({ op: 'bind', path, atMs: 0 })).won, true);
    for (let round = 0; round < ROUNDS; round += 1) {
      const atMs = soon();
      const [, first] = await Promise.all([
        runs.order({ op: 'stop', atMs }),
        starts.order({ op: 'bind', path, atMs: atMs + (round % 20) / 100 }), // 0 to 0.19 ms later: across the whole stop
      ]);
      const answer = first.won ? first : await starts.order({ op: 'bind', path, atMs: 0 });
      assert.equal(answer.won, true, answer.code);
      assert.equal(await knock(path), 'connected', 'the forerunner removed its successor\'s path');
      [runs, starts] = [starts, runs];
    }
    await runs.order({ op: 'stop', atMs: 0 });
  });

  it('never lets two hold the lock of one name, though its file comes and goes', async () => {
    const times = Math.ceil(1_000 * fuzzFactor());
    writeFileSync(path, '0');
    const atMs = soon();
    const answers = await Promise.all(gateways.map((gateway) => gateway.order({ op: 'count', path, times, atMs })));
    assert.deepEqual(answers.map((answer) => answer.code), ['', '']);
    assert.equal(readFileSync(path, 'utf8'), String(2 * times));
    assert.deepEqual(readdirSync(scratch.path), ['s']);
  });

  it('takes over from a gateway that was killed', async () => {
    const victim = new Contender();
    await victim.ready();
    assert.equal((await victim.order({ op: 'bind', path, atMs: 0 })).won, true);
    await victim.end();
    const { winner } = await race();
    await winner.order({ op: 'stop', atMs: 0 });
  });
});
