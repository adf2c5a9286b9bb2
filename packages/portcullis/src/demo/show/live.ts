import type { DecisionRecord } from '@portcullis/core';
import { escapeText } from '../../text/escape-text.js';
import type { Stage } from '../scenario.js';
import { painted, wrap } from './line.js';
import type { Out } from './out.js';
import { effect } from './outcome-table.js';
import type { Reasons } from './why.js';

/** What to try by hand. */
export function showCommands(out: Out, { workspace, clients: { honest, node } }: Stage): void {
  const { bold, dim } = out.colors;
  const visitor = `${workspace.program('visitor.mjs')} ${workspace.gate} hand < /dev/null`;
  const curl = `--unix-socket ${workspace.gate} http://demo/`;
  const mine = honest.name === 'curl' ? curl : honest.name === 'node' ? visitor : `${workspace.gate} hand < /dev/null`;
  out.print(`${bold('Now you.')} The gate stays up until Ctrl-C. In another terminal:\n`);
  const show = (what: string, command: string): void => { out.print(`  ${dim(`# ${what}`)}\n  ${command}\n`); };
  show('admitted', `${honest.name === 'curl' ? 'curl' : honest.path} ${mine}`);
  show('refused: the same bytes in another place', `${workspace.program('updater')} ${mine}`);
  if (node !== undefined && node !== honest) show('refused, but the rule on trial would let it in', `node ${visitor}`);
  show('change the rules: it is read again when you save it', `\${EDITOR:-vi} ${workspace.policy}`);
}

/** One further decision, as it happens. */
export function showDecision(out: Out, record: DecisionRecord, reasons: Reasons): void {
  const { peer, path, time } = record;
  const who = peer === undefined ? 'nobody known' : `pid ${String(peer.pid)}, uid ${String(peer.uid)}${path === undefined ? '' : `, ${escapeText(path, 100)}`}`;
  const cause = reasons.cause(record).map(({ text }) => text).join(', ');
  out.print(`${out.colors.dim(time.slice(11, 19))} ${painted(effect(record, out.colors))} ${who}: ${cause}`);
  for (const one of reasons.why(record)) for (const part of wrap({ ...one, text: `    ${one.text}` }, out.width)) out.print(painted(part));
}
