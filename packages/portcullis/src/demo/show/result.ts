import { escapeText } from '@portcullis/core';
import { isAdmitted, type Came, type Skipped } from '../outcome.js';
import type { Service } from '../service.js';
import type { Out } from './out.js';

/** What the brackets mean. */
export function showLegend(out: Out): void {
  out.say('In brackets: what a fact is worth. kernel-connect: frozen by the kernel when the peer connected. kernel-live: asked of the kernel about the process as it is held. derived: worked out from those. image: true of an honest process. image-unverified: the same, beside code that only the process itself can vouch for.', out.colors.dim);
  out.print();
}

export function showSkipped(out: Out, skipped: readonly Skipped[]): void {
  if (skipped.length === 0) {
    out.print('Nothing was skipped.');
    return;
  }
  out.print('Skipped on this machine:');
  for (const why of new Set(skipped.map((one) => one.why))) {
    const peers = skipped.filter((one) => one.why === why).map(({ scenario }) => scenario.peer);
    out.bullet(`${peers.join('; ')}: ${escapeText(why, 300)}`);
  }
}

/** The line that says whether all was as it should be. */
export function showResult(out: Out, came: readonly Came[], wrong: readonly string[], service: Service): void {
  const { green, red } = out.colors;
  const admitted = came.filter(({ record }) => record !== undefined && isAdmitted(record)).length;
  if (wrong.length === 0) {
    const seen = `The service saw ${counted(service.connections, 'connection')}, from ${counted(admitted, 'admitted peer')}, and not a byte from the ${String(came.length - admitted)} that were refused.`;
    out.say(`Checked: each of ${counted(came.length, 'peer')} was decided as expected. ${seen}`, green);
    return;
  }
  out.say('NOT AS EXPECTED:', red);
  for (const one of wrong) out.bullet(one);
}

function counted(count: number, what: string): string {
  return `${String(count)} ${what}${count === 1 ? '' : 's'}`;
}
