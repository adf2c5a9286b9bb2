import { existsSync } from 'node:fs';
import type { DecisionRecord } from '@portcullis/core';
import { formatPretty } from '../../records/format-pretty.js';
import type { GatewayEvent } from '../../records/gateway-event.js';
import { escapeText } from '@portcullis/core';
import type { Stage } from '../scenario.js';
import { painted, wrap } from './line.js';
import type { Out } from './out.js';
import { effect } from './outcome-table.js';
import type { Reasons } from './why.js';

const SETPRIV = '/usr/bin/setpriv';

/** What to try by hand. */
export function showCommands(out: Out, { workspace, clients: { honest, node }, people: { stranger }, policy }: Stage): void {
  const { bold, dim } = out.colors;
  const byHand = argumentsOf(honest.name);
  const show = (what: string, command: string): void => { out.print(`  ${dim(`# ${what}`)}\n  ${command}\n`); };
  out.print(`${bold('Now you.')} The gate stays up until Ctrl-C. In another terminal:\n`);
  show('admitted', `cd ${workspace.folder}\n  ${honest.path} ${byHand}`);
  show('refused: the same bytes in another place', `peers/updater ${byHand}`);
  if (stranger !== undefined && existsSync(SETPRIV)) show('refused: another user', `setpriv --reuid ${String(stranger)} --clear-groups ${honest.path} ${byHand}`);
  if (node !== undefined && node !== honest && !policy.own) show('refused, and the rule on trial would let it in', `node ${argumentsOf('node')}`);
  show('change the rules: they are read again when you save them', `"\${EDITOR:-vi}" ${policy.own ? policy.file : 'policy.yaml'}`);
}

/** In the folder of the demo. */
function argumentsOf(client: string): string {
  if (client === 'curl') return '--unix-socket gate.sock http://demo/';
  return `${client === 'node' ? 'peers/visitor.mjs ' : ''}gate.sock hand < /dev/null`;
}

/** One further decision, as it happens. */
export function showDecision(out: Out, record: DecisionRecord, reasons: Reasons): void {
  const { peer, path, time } = record;
  const who = peer === undefined ? 'nobody known' : `pid ${String(peer.pid)}, uid ${String(peer.uid)}${path === undefined ? '' : `, ${escapeText(path, 100)}`}`;
  const cause = reasons.cause(record).map(({ text }) => text).join(', ');
  out.print(`${out.colors.dim(time.slice(11, 19))} ${painted(effect(record, out.colors))} ${who}: ${cause}`);
  for (const one of reasons.why(record)) for (const part of wrap({ ...one, text: `    ${one.text}` }, out.width)) out.print(painted(part));
}

/** What else happens to the gateway. The findings of a policy are shown beside, with the lines that they mean. */
export function showEvent(out: Out, event: GatewayEvent): void {
  if (event.event !== 'policy') {
    out.print(formatPretty(event, out.colors));
    return;
  }
  const { time, outcome, revision, error } = event;
  const paint = outcome === 'rejected' ? out.colors.red : out.colors.green;
  const then = outcome === 'rejected' ? 'the one before stays in force' : `in force: ${revision}`;
  out.print(`${out.colors.dim(time.slice(11, 19))} ${paint(`policy ${outcome}`)}, ${then}${error === undefined ? '' : `: ${escapeText(error, 200)}`}`);
}
