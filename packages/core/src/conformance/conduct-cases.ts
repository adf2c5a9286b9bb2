import { deepEqual } from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import type { Evidenced } from '../evidence.js';
import { fakePeerSource } from '../testing/fake-peer-source.js';
import { givenTo, keysOf, must } from './asking.js';
import { caseOf, type Case } from './case.js';
import { isWithin, leftovers } from './leftovers.js';
import { watchPeer } from './watched-peer.js';

const AT_ONCE = 8;
const WARM_UP = 5;
const MANY = 40;

/** How an attestor behaves towards the engine and the process that it is in. */
export const CONDUCT_CASES: readonly Case[] = [
  caseOf('leaves what it is given as it was', async (subject, ask) => {
    const peer = await ask.open(subject);
    const given = givenTo(subject);
    const before = structuredClone([{ ...peer.credentials }, [...given]]);
    // The set of wanted keys refuses to be changed: an attestor that tries throws here.
    await ask.inTime(Promise.resolve(subject.attestor.attest(peer, keysOf(subject), new AbortController().signal, given)));
    deepEqual({ ...peer.credentials }, before[0], 'the credentials of the peer were changed');
    deepEqual([...given], before[1], 'what other attestors found was changed');
  }),
  caseOf('does not use the peer after it answered', async (subject, ask) => {
    const watched = watchPeer(await ask.open(subject));
    await ask.raw(subject, watched.peer, keysOf(subject));
    watched.putAway();
    await ask.turns();
    deepEqual(watched.touched, [], 'asked of the peer after the answer: it is closed by then, and its process may be another');
  }),
  caseOf('answers several peers at once, each with its own facts', async (subject, ask) => {
    const keys = keysOf(subject);
    const peers = [];
    for (let index = 0; index < AT_ONCE; index += 1) peers.push(await ask.open(subject));
    const alone = [];
    for (const peer of peers) alone.push(plain(await ask.evidence(subject, peer, keys)));
    const together = await Promise.all(peers.map(async (peer) => plain(await ask.evidence(subject, peer, keys))));
    deepEqual(together, alone, 'peers that are looked at together look other than alone');
  }),
  caseOf('answers for a peer of another platform too, and does not throw', async (subject, ask) => {
    const peer = fakePeerSource().open({ fd: undefined, origin: undefined });
    if ('refused' in peer) return;
    const keys = keysOf(subject);
    const findings = await ask.raw(subject, peer, keys);
    for (const key of keys) must(findings.get(key) !== undefined, `there is no finding for \`${key}\``);
  }),
  caseOf('ends when the deadline passes', async (subject, ask) => {
    for (const when of ['before', 'after'] as const) {
      const controller = new AbortController();
      if (when === 'before') controller.abort(new Error('the deadline of a conformance case'));
      const answer = Promise.resolve().then(async () => subject.attestor.attest(await ask.open(subject), keysOf(subject), controller.signal, givenTo(subject)));
      if (when === 'after') setImmediate(() => { controller.abort(new Error('the deadline of a conformance case')); });
      // Whether it still answers or rejects: what comes now is dropped.
      await ask.inTime(answer.then(() => undefined, () => undefined));
    }
  }),
  caseOf('lets go of the signal when it has answered', async (subject, ask) => {
    const { signal } = new AbortController();
    await ask.raw(subject, await ask.open(subject), keysOf(subject), signal);
    must(getEventListeners(signal, 'abort').length === 0, 'a listener for `abort` was left on the signal');
  }),
  caseOf('leaves no descriptor and no timer behind', async (subject, ask) => {
    const keys = keysOf(subject);
    const admit = async (times: number): Promise<void> => {
      for (let time = 0; time < times; time += 1) {
        await ask.evidence(subject, await ask.open(subject), keys);
        ask.closePeersNow();
      }
      await ask.turns();
    };
    await admit(WARM_UP);
    const before = leftovers();
    await admit(MANY);
    let after = leftovers();
    // What is let go of in a while may take it, for each of them.
    for (let more = 0; more < MANY && !isWithin(after, before, ask.mayKeep); more += 1) {
      await ask.turns();
      after = leftovers();
    }
    must((after.descriptors ?? 0) <= (before.descriptors ?? 0) + ask.mayKeep, `${String(MANY)} admissions left descriptors: ${String(before.descriptors)} before, ${String(after.descriptors)} after`);
    must(after.timers <= before.timers + ask.mayKeep, `${String(MANY)} admissions left timers: ${String(before.timers)} before, ${String(after.timers)} after`);
  }),
  caseOf('may be closed twice', async ({ attestor }) => {
    await attestor.close?.();
    await attestor.close?.();
  }),
];

/** What a peer's process does not survive. */
export const DEATH_CASES: readonly Case[] = [
  caseOf('answers for a peer that is dead already', async (subject, ask) => {
    const peer = await ask.open(subject);
    await ask.kill(subject, peer);
    await ask.sound(subject, peer);
  }),
  caseOf('answers for a peer that dies while it is looked at', async (subject, ask) => {
    const peer = await ask.open(subject);
    const answer = ask.sound(subject, peer);
    await Promise.all([answer, ask.kill(subject, peer)]);
  }),
  caseOf('does not say absent of a dead peer what was there while it lived', async (subject, ask) => {
    const peer = await ask.open(subject);
    const keys = keysOf(subject);
    const lived = await ask.evidence(subject, peer, keys);
    await ask.kill(subject, peer);
    const dead = await ask.evidence(subject, peer, keys);
    for (const key of keys) must(lived.get(key)?.state !== 'present' || dead.get(key)?.state !== 'absent', `\`${key}\` is absent once the peer is dead: nobody could look, so it is unknown, \`peer-exited\` (I4)`);
  }),
];

/** To be compared: a detail may have the number of a descriptor in it. */
function plain(evidence: Iterable<readonly [string, Evidenced]>): readonly unknown[] {
  const entries = [...evidence].map(([key, entry]) => [key, entry.state === 'unknown' ? entry.why : entry] as const);
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}
