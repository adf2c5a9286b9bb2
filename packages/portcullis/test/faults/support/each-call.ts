import assert from 'node:assert/strict';
import { constants } from 'node:os';
import type { Evidence, SelectorKey } from '@portcullis/core';
import { fuzzFactor } from '@portcullis/testkit';
import { descriptorLinks, openDescriptors } from '../../../../attestor-linux/dist-test/support/descriptors.js';
import { isAnswer, pathOf } from '../../../../attestor-linux/dist-test/support/errnos.js';
import { injectFaults, type DoorCall } from '../../../../attestor-linux/dist-test/support/faults.js';
import { untrueIn } from './judge.js';

const { EPERM, ENOENT, ESRCH, EINVAL, EMFILE, EIO } = constants.errno;
const ERRNOS = [EPERM, ENOENT, ESRCH, EINVAL, EMFILE, EIO];

/** What an attempt asks for; all of it is there where nothing fails. */
export const KEYS: readonly SelectorKey[] = ['unix:uid', 'linux:live-uid', 'unix:path', 'unix:image'];

export interface EachCall {
  /** Every so many of the calls meet one errno; the next errno meets others. In a long run each call meets each. */
  readonly step: number;
  /** Undefined where it was refused with a code; or what was said of a peer that was admitted. */
  readonly attempt: () => Promise<Evidence | undefined>;
  /** Before each attempt, with the door as it is. */
  readonly prepare?: () => Promise<void>;
  /** After each attempt, with the door as it is. */
  readonly after?: () => Promise<void>;
}

/** T20, I2: `attempt` with errnos at its calls, one at a time: a refusal with a code, or nothing changes that is true. */
export async function atEachCall({ step, attempt, prepare = nothing, after = nothing }: EachCall): Promise<void> {
  await prepare();
  const truth = await attempt();
  await after();
  assert.equal(truth?.size, KEYS.length);
  for (const [key, { state }] of truth) assert.equal(state, 'present', key);
  const stride = fuzzFactor() > 1 ? 1 : step;
  const openBefore = openDescriptors();
  let refused = 0;
  let admitted = 0;
  for (const [nth, errno] of ERRNOS.entries()) {
    for (let at = 1 + (nth % step), hit: DoorCall | undefined; ; at += stride, hit = undefined) {
      await prepare();
      const stop = injectFaults((call) => {
        if (call.count !== at) return undefined;
        hit = call;
        return isAnswer(call, errno) ? undefined : { errno };
      });
      const what = (): string => `errno ${String(errno)} at call ${String(at)}, ${hit?.name ?? ''} ${hit === undefined ? '' : pathOf(hit)}`;
      let evidence: Evidence | undefined;
      try {
        evidence = await attempt();
      } catch (error) {
        throw new Error(what(), { cause: error });
      } finally {
        stop();
      }
      await after();
      if (evidence === undefined) refused += 1;
      else {
        admitted += 1;
        const untrue = untrueIn(evidence, truth);
        if (untrue !== undefined) assert.fail(`${what()}: ${untrue}`);
      }
      if (hit === undefined) break;
    }
  }
  assert.ok(refused > 0 && admitted > 0, `${String(refused)} refused, ${String(admitted)} admitted`);
  assert.ok(openDescriptors() <= openBefore, descriptorLinks().join('\n'));
}

function nothing(): Promise<void> {
  return Promise.resolve();
}
