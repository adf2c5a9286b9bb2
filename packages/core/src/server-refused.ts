import type { Admission } from './admission.js';
import type { Collector } from './collect.js';
import type { FailedCondition } from './decision.js';
import type { Attested } from './engine.js';
import { PortcullisError } from './errors.js';
import { escapeText } from './escape-text.js';
import type { Evidence } from './evidence.js';
import type { SelectorKey } from './selector.js';

/** A server that is not who it should be. `admission` has the decision, the evidence and the nearest miss. */
export class ServerRefused extends PortcullisError {
  readonly admission: Admission;

  /** `where` is the server, as messages call it. */
  constructor(where: string, admission: Admission) {
    const { decision: { cause, code, rules }, evidence, peer, failure } = admission;
    const user = userNameIn(evidence);
    super('SERVER_REFUSED', `the server behind ${where}${who(admission, user)} is refused: ${why(admission)}`, {
      ...(failure === undefined ? {} : { cause: failure }),
      facts: { cause, code, rule: rules[0], user, uid: peer?.uid, gid: peer?.gid, pid: peer?.pid },
    });
    this.admission = admission;
  }
}

/**
 * For the message: the name of the server's user, which only some policies ask for. What the ids are frozen with, its name
 * is too, so nothing needs to be verified after it.
 */
export function addUserName({ peer, evidence }: Attested, collector: Collector): void {
  if (peer === undefined || evidence.has('unix:user')) return;
  try {
    collector.collect(USER, peer, evidence, new AbortController().signal)?.catch(() => undefined);
  } catch {
    // an attestor's defect: the message then has the id alone
  }
}

const USER: ReadonlySet<SelectorKey> = new Set(['unix:user'] as const);

function userNameIn(evidence: Evidence): string | undefined {
  const entry = evidence.get('unix:user');
  const name = entry?.state === 'present' ? String(entry.values[0]) : '#';
  return name.startsWith('#') ? undefined : name; // `#1234` is an id that has none
}

function who({ peer }: Admission, user: string | undefined): string {
  if (peer === undefined) return '';
  const uid = `uid ${String(peer.uid)}`;
  const where = peer.pid === 0 ? 'a process that cannot be seen from here' : `process ${String(peer.pid)}`;
  return `, of ${user === undefined ? uid : `user \`${escapeText(user)}\` (${uid})`} in ${where},`;
}

function why(admission: Admission): string {
  const { decision: { cause, code, reason, rules }, nearest } = admission;
  const [rule] = rules;
  if (rule !== undefined) {
    const how = cause === 'unknown-evidence' ? 'cannot be excluded' : 'denies it';
    return `rule \`${rule}\` ${how}${reason === undefined ? '' : `: ${escapeText(reason)}`}`;
  }
  const missed = nearest?.failed.map(missedBy).join(', ');
  if (missed !== undefined && missed !== '') return missed;
  return [code ?? cause, reason].filter((part) => part !== undefined).map((part) => escapeText(part)).join(': ');
}

function missedBy({ key, expected, observed, state, why: reason }: FailedCondition): string {
  const wanted = `\`${key}\` must be \`${escapeText(expected)}\` and is`;
  if (state === 'present') return `${wanted} \`${observed.map((value) => escapeText(String(value), 256)).join('`, `')}\``;
  return `${wanted} ${state}${reason === undefined ? '' : ` (${reason})`}`;
}
