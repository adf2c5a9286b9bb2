import assert from 'node:assert/strict';
import { constants } from 'node:os';
import type { Evidenced } from '@portcullis/core';
import { Dice, fuzzFactor, fuzzMs, fuzzSeed } from '@portcullis/testkit';
import { compiled } from '../../../attestor-linux/dist-test/support/compile.js';
import { ERRNOS, isAnswer, NOTED_ERRNOS, pathOf } from '../../../attestor-linux/dist-test/support/errnos.js';
import { descriptorLinks, openDescriptors } from '../../../attestor-linux/dist-test/support/descriptors.js';
import type { DoorCall, Fault } from '../../../attestor-linux/dist-test/support/faults.js';
import { needAttacks } from '../../../attestor-linux/dist-test/support/features.js';
import { ALL_KEYS, CHEAP_KEYS, IMAGE_KEYS } from '../../../attestor-linux/dist-test/support/keys.js';
import { killAndReap } from '../../../attestor-linux/dist-test/support/recycle.js';
import { wrongIn } from './support/judge.js';
import { Range, type Choose, type Connecting, type Trial } from './support/range.js';

const LONG = fuzzFactor();

/** Whose image this very thread looks at, through this door. */
const OF_ROOT: Connecting = { uid: 0 };
/** What a look at an image takes for an answer somewhere. */
const IMAGE_ERRNOS = ['EPERM', 'ENOENT', 'ESRCH', 'EINVAL', 'ENOTTY'] as const;
/** For so long a look at an image serves. */
const LOOK_SERVES_MS = 1000;
/** What is known of the peer: nothing; its image, so lately that it serves; its image, which is looked at again. */
type Known = 'nothing' | 'just now' | 'a second ago';

/** T20, I2, I4: a refusal with a code, or a correct admission, whatever the kernel answers. */
describe('faults at the door to the C library', function () {
  this.timeout(fuzzMs(60_000));
  let range: Range;
  let openBefore = 0;
  let admitted = 0;
  let refused = 0;
  let aheadMs = 0;
  const now = performance.now.bind(performance);
  before(async function () {
    needAttacks(this);
    // The thread that looks at others, which stays, is up before descriptors are counted: a peer of root that is gone is not known to be one.
    await (await Range.open(IMAGE_KEYS)).close();
    performance.now = () => now() + aheadMs;
  });
  after(() => { performance.now = now; });
  beforeEach(() => { [admitted, refused] = [0, 0]; });
  // Whatever happened, honest peers come in again, and nothing is left open.
  afterEach(async () => {
    await range.forget();
    const { admission } = await range.trial();
    assert.equal(admission.decision.effect, 'allow');
    await range.forget();
    await range.settled();
    assert.ok(openDescriptors() <= openBefore, descriptorLinks().join('\n'));
    await range.close();
  });

  async function opened(keys = CHEAP_KEYS, connecting: Connecting = {}): Promise<void> {
    range = await Range.open(keys, { told: ['map /usr/bin/true'], ...connecting });
    openBefore = openDescriptors();
    const { admission } = await range.trial();
    assert.equal(admission.decision.effect, 'allow');
    await range.forget();
  }

  /** One connection; `what` says what was done to it. */
  async function judged(choose: Choose, what: () => string): Promise<Trial> {
    const trial = await range.trial(choose);
    const wrong = wrongIn(trial.admission, range.truth);
    if (wrong !== undefined) assert.fail(`${what()}: ${wrong}`);
    if (trial.admission.decision.effect === 'allow') admitted += 1;
    else refused += 1;
    return trial;
  }

  /** The same fault at each call of an admission, one connection for each, until it has no further call. */
  async function atEachCall(faultOf: (call: DoorCall) => Fault | undefined, what: string, known: Known): Promise<void> {
    for (let at = 1, hit: DoorCall | undefined; ; at += 1, hit = undefined) {
      if (known === 'nothing') await range.forget();
      if (known === 'a second ago') aheadMs += LOOK_SERVES_MS + 1;
      const choose: Choose = (call) => (call.count === at ? faultOf((hit = call)) : undefined);
      await judged(choose, () => `${what} at call ${String(at)}, ${hit?.name ?? ''} ${hit === undefined ? '' : pathOf(hit)}`);
      if (known !== 'nothing') await range.trial(); // so that it is known again
      if (hit === undefined) return;
    }
  }

  async function eachErrnoAtEachCall(errnos: readonly number[], known: Known): Promise<void> {
    for (const errno of errnos) await atEachCall((call) => (isAnswer(call, errno) ? undefined : { errno }), `errno ${String(errno)}`, known);
    // A known image of which something else is said is looked at anew, so that some come in all the same.
    assert.ok((known === 'a second ago' || refused > admitted) && refused > 0 && admitted > 0, `${String(admitted)} admitted, ${String(refused)} refused`);
  }

  it('T20: each errno at each call of a first look refuses, or changes nothing that is true', async () => {
    await opened();
    await eachErrnoAtEachCall(LONG > 1 ? ERRNOS : NOTED_ERRNOS, 'nothing');
  });

  it('T20: each errno at each call of a known process refuses, or changes nothing that is true', async () => {
    await opened();
    await eachErrnoAtEachCall(LONG > 1 ? ERRNOS : NOTED_ERRNOS, 'just now');
  });

  it('T20: each errno at each call around a digest refuses, or changes nothing that is true', async () => {
    await opened(['unix:uid', 'unix:sha256']);
    await eachErrnoAtEachCall(LONG > 1 ? ERRNOS : NOTED_ERRNOS.slice(3, 5), 'nothing');
  });

  it('T20: no call that fails from some call on, each of its kind, admits what is not true', async () => {
    await opened();
    const names = new Set((await range.trial()).calls);
    for (const name of names) {
      for (const errno of NOTED_ERRNOS) {
        if (errno === NOTED_ERRNOS[3]) continue; // what is interrupted for ever is asked for ever
        await range.forget();
        await judged((call) => (call.name === name && !isAnswer(call, errno) ? { errno } : undefined), () => `errno ${String(errno)} of every ${name}`);
      }
    }
    assert.ok(refused > 0);
  });

  it('T20: reads that are cut short refuse, or change nothing that is true', async () => {
    await opened();
    for (const share of [0, 0.3, 0.5, 0.9]) {
      for (const known of ['nothing', 'just now'] as const) await atEachCall(({ name }) => (name === 'pread' ? { share } : undefined), `a read of ${String(share)}`, known);
    }
    assert.ok(refused > 0 && admitted > 0);
  });

  it('T20: socket options of a wrong length refuse, or change nothing that is true', async () => {
    await opened();
    for (const lengthOff of [-0x7fff_0000, -1, 1, 2, 0x7fff_0000]) await atEachCall(({ name }) => (name === 'getsockopt' ? { lengthOff } : undefined), `a length off by ${String(lengthOff)}`, 'nothing');
    assert.ok(refused > 0);
  });

  for (const known of [false, true]) {
    it(`T1: a peer that dies before any call of ${known ? 'a later' : 'its first'} look is refused, or was admitted before`, async () => {
      await opened();
      await deadBeforeEachCall(known ? 'just now' : 'nothing');
    });
  }

  async function deadBeforeEachCall(known: Known): Promise<void> {
    if (known !== 'nothing') await range.trial();
    if (known === 'a second ago') aheadMs += LOOK_SERVES_MS + 1;
    const { calls } = await range.trial();
    const last = calls.lastIndexOf('poll') + 1; // of `verify`
    assert.ok(last > 0);
    for (let at = 1; at <= calls.length; at += 1) {
      await range.replacePeer();
      await range.forget();
      if (known !== 'nothing') await range.trial();
      if (known === 'a second ago') aheadMs += LOOK_SERVES_MS + 1;
      const { admission } = await judged((call) => (call.count === at ? { act: () => { killAndReap(range.peerPid); } } : undefined), () => `died before call ${String(at)}`);
      if (at <= last) assert.equal(admission.decision.effect, 'deny', `died before call ${String(at)}`);
    }
    await range.replacePeer();
    assert.ok(refused > 5);
  }

  it('T20: many faults at random refuse, or change nothing that is true', async () => {
    await opened(ALL_KEYS);
    await manyAtRandom(2000 * LONG);
  });

  it('T20: many faults at random in a look at root refuse, or change nothing that is true', async () => {
    await opened(ALL_KEYS, OF_ROOT);
    await manyAtRandom(2000 * LONG);
  });

  async function manyAtRandom(forMs: number): Promise<void> {
    const seed = fuzzSeed();
    const dice = new Dice(seed);
    const until = performance.now() + forMs;
    let count = 0;
    // A busy machine makes few connections: some came in, and some did not, all the same.
    for (; performance.now() < until || (count < 500 && (admitted === 0 || refused === 0)); count += 1) {
      if (dice.once(20)) await range.forget();
      const rarely = dice.pick([3, 10, 30, 100, 100]);
      const done: string[] = [];
      await judged((call) => {
        if (!dice.once(rarely)) return undefined;
        const fault = randomFault(dice, call);
        if (fault !== undefined) done.push(`${String(call.count)} ${call.name} ${JSON.stringify(fault)}`);
        return fault;
      }, () => `PORTCULLIS_SEED=${String(seed)}, connection ${String(count)}: ${done.join(', ')}`);
    }
    console.log(`      ${String(count)} connections, ${String(admitted)} admitted, seed ${String(seed)}`);
    assert.ok(refused > 0 && admitted > 0, `seed ${String(seed)}: ${String(admitted)} admitted, ${String(refused)} refused`);
  }

  describe('at the look at an image', () => {
    /** The look is behind this very door: it is seen to open the maps. */
    async function openedOfRoot(known: Known = 'nothing'): Promise<void> {
      await opened(IMAGE_KEYS, OF_ROOT);
      if (known !== 'nothing') await range.trial();
      if (known === 'a second ago') aheadMs += LOOK_SERVES_MS + 1;
      const { paths } = await range.trial();
      assert.ok(paths.includes(`/proc/${String(range.peerPid)}/maps`), paths.join(' '));
      await range.forget();
    }

    for (const known of ['nothing', 'a second ago'] as const) {
      const what = known === 'nothing' ? 'the first look at an image' : 'a later look at an image';

      it(`T20: each errno at each call of ${what} refuses, or changes nothing that is true`, async () => {
        await openedOfRoot(known);
        await eachErrnoAtEachCall(LONG > 1 ? ERRNOS : NOTED_ERRNOS, known);
      });

      it(`T20: reads of ${what} that are cut short refuse, or change nothing that is true`, async () => {
        await openedOfRoot(known);
        for (const share of [0, 0.5, 0.9]) await atEachCall(({ name }) => (name === 'pread' ? { share } : undefined), `a read of ${String(share)}`, known);
        assert.ok(admitted > 0);
      });

      it(`T1: a peer that dies before any call of ${what} is refused, or was admitted before`, async () => {
        await openedOfRoot(known);
        await deadBeforeEachCall(known);
      });
    }

    // Without the question that failed there is less against it; then it is worth no more (the tier) and is not called more (`unix:image`).
    for (const [what, command] of [['maps code that no file is behind', 'jit'], ['wrote over its code', 'overwrite']] as const) {
      it(`T4, T20: no fault of a look makes more of the image of a peer that ${what}`, async () => {
        await opened(IMAGE_KEYS, { uid: 0, told: ['map /usr/bin/true', command] });
        assert.deepEqual((['unix:path', 'unix:image'] as const).map((key) => pick(range.truth.get(key))), [[compiled('puppet'), 'image-unverified'], ['jit', 'kernel-live']]);
        for (const name of IMAGE_ERRNOS) await atEachCall((call) => (isAnswer(call, errnoOf(name)) ? undefined : { errno: errnoOf(name) }), name, 'nothing');
        await atEachCall(({ name }) => (name === 'pread' ? { share: 0 } : undefined), 'a read of a byte', 'nothing');
        assert.ok(refused > 0 && admitted > 0);
      });
    }
  });
});

function pick(entry: Evidenced | undefined): readonly unknown[] {
  return entry?.state === 'present' ? [entry.values[0], entry.tier] : [entry?.state];
}

function errnoOf(name: keyof typeof constants.errno): number {
  return constants.errno[name];
}

function randomFault(dice: Dice, call: DoorCall): Fault | undefined {
  if (call.name === 'pread' && dice.once(2)) return { share: dice.below(100) / 100 };
  if (call.name === 'getsockopt' && dice.once(3)) return { lengthOff: dice.below(4096) * 4 + 1 };
  const errno = dice.pick(ERRNOS as readonly [number, ...number[]]);
  return isAnswer(call, errno) ? undefined : { errno };
}
