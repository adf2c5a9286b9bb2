// Attestors that do one thing wrong each: what somebody's first attempt may look like.
import { closeSync, openSync } from 'node:fs';
import type { Attestor, Evidenced, Finding, Peer, SelectorDefinition, SelectorKey } from '../../dist/index.js';
import { fakeDefinition } from '../../dist/testing/index.js';

export const DEFINITIONS: readonly SelectorDefinition[] = [
  fakeDefinition('team:uid', { cost: 'proc', trust: 'derived' }),
  fakeDefinition('team:names', { many: true, value: { type: 'text' }, cost: 'proc', trust: 'derived', example: 'red' }),
];

function honest(peer: Peer, wanted: ReadonlySet<SelectorKey>): Map<SelectorKey, Finding> {
  const { uid } = peer.credentials;
  const all: readonly (readonly [SelectorKey, Finding])[] = [['team:uid', { state: 'present', values: [uid] }], ['team:names', { state: 'present', values: [`b${String(uid)}`, 'c'] }]];
  return new Map(all.filter(([key]) => wanted.has(key)));
}

type Attest = Attestor['attest'];

export function attestorOf(attest: Attest, rest: Partial<Attestor> = {}): Attestor {
  return { name: 'team', selectors: DEFINITIONS, attest, ...rest };
}

/** Says something else of `team:names`. */
function saying(finding: Finding): () => Attestor {
  return () => attestorOf((peer, wanted) => {
    const findings = honest(peer, wanted);
    if (wanted.has('team:names')) findings.set('team:names', finding);
    return findings;
  });
}

const later = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

export const HONEST = (): Attestor => attestorOf(async (peer, wanted) => {
  const findings = honest(peer, wanted);
  await later();
  return findings;
});

/** What is broken, the cases that must fail for it, and what the reason must say. */
export const BROKEN: readonly (readonly [what: string, make: () => Attestor, cases: readonly string[], reason: RegExp])[] = [
  ['a liar, with values outside of its catalogue', saying({ state: 'present', values: [7] }), ['says only what its catalogue says that it can', 'answers for a peer that is dead already', 'answers for a peer that dies while it is looked at'], /team:names.*(?:expected text|no sound answer)/],
  ['a braggart, with a stronger tier than it promised', saying({ state: 'present', values: ['a'], tier: 'kernel-connect' }), ['claims no stronger tier than its catalogue promises'], /kernel-connect.*derived/],
  ['a stutterer, with duplicates', saying({ state: 'present', values: ['b', 'a', 'a'] }), ['has its values sorted and each once'], /normaliseValues/],
  ['a flood, of a million values', saying({ state: 'present', values: Array.from({ length: 1_000_000 }, (_, index) => `v${String(index)}`) }), ['says no more than can be kept'], /1000000 values/],
  ['a flood, of one long text', saying({ state: 'present', values: ['x'.repeat(2_000_000)] }), ['says no more than can be kept'], /characters/],
  ['a mute, without a finding for a wanted key', () => attestorOf((peer, wanted) => { const findings = honest(peer, wanted); findings.delete('team:names'); return findings; }), ['has a finding for every wanted key', 'answers for a peer of another platform too, and does not throw', 'answers for a peer that is dead already', 'answers for a peer that dies while it is looked at'], /no finding for `team:names`|no sound answer/],
  ['a chatterbox, with findings that nobody wanted', () => attestorOf((peer) => honest(peer, new Set(['team:uid', 'team:names']))), ['has no finding for a key that nobody wanted'], /was answered where/],
  ['a vandal, that empties the set of wanted keys', () => attestorOf((peer, wanted) => { const findings = honest(peer, wanted); (wanted as Set<SelectorKey>).clear(); return findings; }), [
    'has a finding for every wanted key', 'has no finding for a key that nobody wanted', 'says only what its catalogue says that it can', 'says no more than can be kept', 'claims no stronger tier than its catalogue promises',
    'has its values sorted and each once', 'does not change what it returned', 'leaves what it is given as it was', 'does not use the peer after it answered', 'answers several peers at once, each with its own facts',
    'answers for a peer of another platform too, and does not throw', 'lets go of the signal when it has answered', 'leaves no descriptor and no timer behind', 'answers for a peer that is dead already',
    'answers for a peer that dies while it is looked at', 'does not say absent of a dead peer what was there while it lived',
  ], /this set is shared and does not change/],
  ['a tamperer, that changes what others found', () => attestorOf((peer, wanted, _signal, given) => { (given as Map<SelectorKey, Evidenced>).set('fake:anchor', { state: 'present', values: ['x'], tier: 'derived' }); return honest(peer, wanted); }, { selectors: DEFINITIONS.map((one) => ({ ...one, needs: ['fake:anchor'] })) }), ['leaves what it is given as it was'], /what other attestors found was changed/],
  ['a shapeshifter, whose catalogue is another one each time', () => { let turn = 0; return { ...attestorOf(honest), get selectors() { turn += 1; return turn % 2 === 0 ? DEFINITIONS : DEFINITIONS.toReversed(); } }; }, ['publishes a catalogue that can be used, and always the same'], /the catalogue changed/],
  ['a rewriter, of its own findings', () => attestorOf((peer, wanted) => { const findings = honest(peer, wanted); setImmediate(() => findings.set('team:uid', { state: 'present', values: [0] })); return findings; }), ['does not change what it returned'], /changed after it was returned/],
  ['a keeper, that uses the peer later', () => attestorOf((peer, wanted) => { setImmediate(() => peer.credentials); return honest(peer, wanted); }), ['does not use the peer after it answered'], /asked of the peer after the answer/],
  ['a mixer, that keeps one peer for all', () => {
    let last: Peer | undefined;
    return attestorOf(async (peer, wanted) => { last = peer; await later(); return honest(last, wanted); });
  }, ['answers several peers at once, each with its own facts'], /look other than alone/],
  ['a sleeper, that does not hear the deadline', () => attestorOf((peer, wanted, signal) => (signal.aborted ? new Promise(() => undefined) : honest(peer, wanted))), ['ends when the deadline passes'], /no answer within/],
  ['a listener, that stays on the signal', () => attestorOf((peer, wanted, signal) => { signal.addEventListener('abort', () => undefined); return honest(peer, wanted); }), ['lets go of the signal when it has answered'], /left on the signal/],
  ['a hoarder, of descriptors', () => { const held: number[] = []; return attestorOf((peer, wanted) => { held.push(openSync('/dev/null', 'r')); return honest(peer, wanted); }, { close() { while (held.length > 0) closeSync(held.pop() ?? -1); } }); }, ['leaves no descriptor and no timer behind'], /left descriptors/],
  ['a hoarder, of timers', () => { const held = new Set<NodeJS.Timeout>(); return attestorOf((peer, wanted) => { held.add(setTimeout(() => undefined, 600_000)); return honest(peer, wanted); }, { close() { for (const timer of held) clearTimeout(timer); } }); }, ['leaves no descriptor and no timer behind'], /left timers/],
  ['a door slammer, that cannot be closed twice', () => { let closed = false; return attestorOf(honest, { close() { if (closed) throw new Error('closed already'); closed = true; } }); }, ['may be closed twice'], /closed already/],
  ['a coward, that throws where the peer is dead', () => attestorOf(async (peer, wanted) => { await later(); if (peer.verify() !== undefined) throw new Error('it is dead'); return honest(peer, wanted); }), ['answers for a peer that is dead already', 'answers for a peer that dies while it is looked at', 'does not say absent of a dead peer what was there while it lived'], /it is dead/],
  ['an optimist, that says absent of a dead peer', () => attestorOf((peer, wanted) => { const findings = honest(peer, wanted); if (peer.verify() !== undefined && wanted.has('team:names')) findings.set('team:names', { state: 'absent' }); return findings; }), ['does not say absent of a dead peer what was there while it lived'], /nobody could look/],
  ['a forger of catalogues', () => attestorOf(honest, { selectors: [...DEFINITIONS, { ...fakeDefinition('team:x'), trust: 'certain' as never }] }), [
    'publishes a catalogue that can be used, and always the same', 'has a finding for every wanted key', 'answers several peers at once, each with its own facts', 'answers for a peer of another platform too, and does not throw', 'leaves no descriptor and no timer behind',
    'answers for a peer that is dead already', 'answers for a peer that dies while it is looked at', 'does not say absent of a dead peer what was there while it lived',
  ], /no trust tier|no finding for `team:x`/],
];
