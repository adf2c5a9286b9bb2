import type { DecisionRecord, RevocationRecord } from '@portcullis/core';
import type { Colors } from '../cli/colors.js';
import { escapeText } from '@portcullis/core';
import { plural } from '../plural.js';
import type { GatewayEvent } from './gateway-event.js';

const MOST_SHOWN = 200;

/** A record for people: one line, foreign text escaped (I11). */
export function formatPretty(event: GatewayEvent, colors: Colors): string {
  const time = event.time.slice(11, 23);
  const listener = 'listener' in event ? ` ${event.listener}` : '';
  return `${colors.dim(time)}${listener} ${lineOf(event, colors)}`;
}

function lineOf(event: GatewayEvent, colors: Colors): string {
  switch (event.event) {
    case 'decision':
      return decisionLine(event, colors);
    case 'revoked':
      return `${colors.red('revoked')} ${whoOf(event)}: ${event.cause}, by \`${event.word}\`, ${[event.rule].flat().join(', ')} allowed it; ${show(event.detail)}`;
    case 'divergence':
      return `candidate ${event.policy} would have decided ${String(event.diverged)} of ${plural(event.compared, 'connection')} otherwise`;
    case 'listening':
      return `${event.observe === true ? colors.red('OBSERVING ONLY: everyone is admitted; ') : ''}${colors.bold('listening')} on ${show(event.path ?? event.address ?? 'a socket that was handed over')} for ${show(event.upstream)}, policy ${event.policy.name} ${event.policy.revision}`;
    case 'policy': {
      const colour = event.outcome === 'rejected' ? colors.red : colors.green;
      const why = event.error ?? event.findings?.map(({ at, code, message }) => `${at}: ${code} ${message}`).join('; ');
      return `${colour(`${event.candidate === true ? 'candidate' : 'policy'} ${event.outcome}`)} (${event.trigger}), in force: ${event.revision}${why === undefined ? '' : `; ${show(why)}`}`;
    }
    case 'rechecked': {
      const grace = event.denied > 0 && event.graceMs > 0 ? `, after ${String(event.graceMs)} ms` : '';
      return `live connections by ${event.revision}: ${String(event.kept)} stay, ${String(event.denied)} revoked${grace}`;
    }
    case 'upstream':
      return `${colors.yellow('upstream')} ${show(event.upstream)} ${event.cause}: ${show(event.error)}`;
    case 'failure':
      return `${colors.red('failure')} in ${event.where}: ${show(event.error)}`;
    case 'draining':
      return `draining ${plural(event.live, 'connection')} for at most ${String(event.drainMs)} ms`;
    case 'stopped':
      return `stopped, ${plural(event.ended, 'connection')} ended before the end`;
  }
}

function decisionLine(record: DecisionRecord, colors: Colors): string {
  const { decision, cause, code, rule, path, nearest, observe, candidate } = record;
  const effect = `${observe === undefined ? '' : colors.yellow(`observed, ${observe}: `)}${wordOf(decision, colors)}`;
  const other = candidate?.diverges === true ? `; candidate: ${wordOf(candidate.decision, colors)}` : '';
  const by = rule === undefined ? '' : ` by ${[rule].flat().join(', ')}`;
  const missed = nearest?.failed.map(({ key, expected, observed, state }) => `${key} wants ${expected}, is ${[observed].flat().map(String).join(', ')}${state === 'too-weak' ? ' of too weak a tier' : ''}`).join('; ');
  return `${effect} ${whoOf(record)}${path === undefined ? '' : ` ${show(path)}`}: ${cause}${code === undefined ? '' : ` (${code})`}${by}${
    nearest === undefined ? '' : `; nearest ${nearest.rule}: ${show(missed ?? '')}`}${other}`;
}

function wordOf(decision: 'allow' | 'deny', colors: Colors): string {
  return decision === 'allow' ? colors.green('allow') : colors.red('deny');
}

function whoOf({ peer }: Pick<DecisionRecord, 'peer'> | Pick<RevocationRecord, 'peer'>): string {
  return peer === undefined ? 'nobody known' : `pid ${String(peer.pid)} uid ${String(peer.uid)}${peer.gid === undefined ? '' : ` gid ${String(peer.gid)}`}`;
}

function show(text: string): string {
  return escapeText(text, MOST_SHOWN);
}
