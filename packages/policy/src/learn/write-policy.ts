import { escapeJson, type SelectorValue } from '@portcullis/core';
import type { Learnt, LearntRule } from './learner.js';

const TRACERS = 'no-tracers';

/** The policy that was learnt, with what each rule rests on in comments. */
export function writePolicy({ rules, untraced }: Learnt): string {
  return [
    'apiVersion: portcullis/v1', 'kind: AdmissionPolicy', 'metadata: { name: learnt, description: proposed from what was seen; read it before it is put in force }', 'rules:',
    ...(untraced ? [`  - id: ${denyName(rules)}`, '    effect: deny', '    when: { linux:tracer: { exists: true } }', '    reason: a traced process speaks for its tracer'] : []),
    ...rules.flatMap(writeRule), '',
  ].join('\n');
}

function writeRule(rule: LearntRule): readonly string[] {
  const { id, uids, uidRange, path, pathGlob, sha256, container, listeners, grant, count, firstMs, lastMs } = rule;
  return [
    `  # Seen ${count === 1 ? `once, at ${timeOf(firstMs)}` : `${String(count)} times, from ${timeOf(firstMs)} to ${timeOf(lastMs)}`}.`,
    ...(uidRange || pathGlob ? [`  # Generalised: ${[...(uidRange ? ['unix:uid'] : []), ...(pathGlob ? ['unix:path'] : [])].join(', ')}.`] : []),
    ...(sha256.length === 0 ? ['  # No digest was collected: the path is whatever lies there. `collect: [unix:sha256]` asks for it.'] : []),
    `  - id: ${id}`, '    effect: allow',
    ...(listeners.length === 0 ? [] : [`    listeners: [${listeners.map(quote).join(', ')}]`]),
    '    when:',
    `      unix:uid: ${uidRange ? `{ range: [${uids.join(', ')}] }` : oneOrMore(uids)}`,
    `      unix:path: ${pathGlob ? `{ glob: ${quote(path)} }` : quote(path)}`,
    ...(sha256.length === 0 ? [] : [`      unix:sha256: ${oneOrMore(sha256)}`]),
    ...(container === undefined ? [] : [`      container:id: ${quote(container)}`]),
    ...(Object.keys(grant).length === 0 ? [] : [`    grant: ${escapeJson(JSON.stringify(grant))}`]),
  ];
}

/** The test of that policy: everyone who was seen comes in, and nobody who differs in one thing. */
export function writeTest(learnt: Learnt, policyFile: string): string {
  const { rules, untraced, lastMs } = learnt;
  const known = [...new Set(rules.flatMap(({ uids }) => uids))];
  const within = rules.map(({ uids, uidRange }) => `unix:uid: ${uidRange ? `{ range: [${uids.join(', ')}] }` : oneOrMore(uids)}`);
  return [
    'apiVersion: portcullis/v1', 'kind: PolicyTest', `policy: ${quote(policyFile)}`, `clock: ${new Date(lastMs).toISOString()}`, 'peers:',
    ...rules.flatMap((rule) => writePeer(rule, untraced)), 'cases:',
    ...rules.flatMap((rule) => writeCases(rule, known, untraced, denyName(rules))),
    'properties:',
    `  - never: { decision: allow, where: { none: [${[...new Set(within)].map((one) => `{ ${one} }`).join(', ')}] } }`,
    ...(untraced ? ['  - never: { decision: allow, where: { linux:tracer: { exists: true } } }'] : []), '',
  ].join('\n');
}

function writePeer({ id, example: { uid, path, sha256, container } }: LearntRule, untraced: boolean): readonly string[] {
  return [
    `  ${id}:`, `    unix:uid: ${String(uid)}`, `    unix:path: ${quote(path)}`, ...(sha256 === undefined ? [] : [`    unix:sha256: ${quote(sha256)}`]),
    `    container:id: ${container === undefined ? 'null' : quote(container)}`, ...(untraced ? ['    linux:tracer: null'] : []),
  ];
}

function writeCases({ id, listeners, grant }: LearntRule, known: readonly number[], untraced: boolean, tracers: string): readonly string[] {
  const on = listeners[0] === undefined ? '' : `listener: ${quote(listeners[0])}, `;
  const stranger = Math.max(...known) < 4_000_000_000 ? Math.max(...known) + 1 : 1;
  const granted = Object.keys(grant).length === 0 ? '' : `, grant: ${escapeJson(JSON.stringify(grant))}`;
  const refused = (name: string, peer: string, expect = 'decision: deny'): string => `  - { name: ${quote(`${id}: ${name}`)}, ${on}peer: { from: ${id}, ${peer} }, expect: { ${expect} } }`;
  return [
    `  - { name: ${quote(`${id}: as it was seen`)}, ${on}peer: ${id}, expect: { decision: allow, rule: ${id}${granted} } }`,
    refused('not for another user', `unix:uid: ${String(stranger)}`),
    refused('not another program', 'unix:path: "/nowhere/else"'),
    refused('not where nobody can vouch for the program', 'unknown: [unix:path]'),
    ...(untraced ? [refused('not while it is traced', 'linux:tracer: 1', `decision: deny, rule: ${tracers}`)] : []),
  ];
}

function denyName(rules: readonly LearntRule[]): string {
  let name = TRACERS;
  for (let number = 2; rules.some(({ id }) => id === name); number++) name = `${TRACERS}-${String(number)}`;
  return name;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

function oneOrMore(values: readonly SelectorValue[]): string {
  const [only] = values;
  return values.length === 1 && only !== undefined ? spell(only) : `[${values.map(spell).join(', ')}]`;
}

function spell(value: SelectorValue): string {
  return typeof value === 'string' ? quote(value) : String(value);
}

/** As JSON, which is YAML too, and safe to show (I11). */
function quote(text: string): string {
  return escapeJson(JSON.stringify(text));
}
