import { child, itemsOf, textOf, type DocNode } from '../document/node.js';
import { quote } from '../findings/escape.js';
import type { FindingList } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import { didYouMean } from '../findings/suggest.js';
import { TimeZone } from './time-zone.js';
import { ALL_DAYS, DAYS, MINUTES_A_DAY, Window } from './window.js';

/** Reads `window:`, which is sound by the schema. Undefined where there is none, or a finding. */
export function parseWindow(node: DocNode | undefined, source: SourceText, findings: FindingList): Window | undefined {
  if (node === undefined) return undefined;
  const zoneNode = child(node, 'tz') ?? node;
  const name = textOf(node, 'tz') ?? '';
  const zone = TimeZone.of(name);
  if (zone === undefined) {
    findings.report('POLICY_TIME_ZONE', source, zoneNode, `${quote(name)} is not a time zone`, didYouMean(name, Intl.supportedValuesOf('timeZone')));
  }
  const hours = textOf(node, 'hours');
  const [from, to] = hours === undefined ? [0, MINUTES_A_DAY] : minutesOf(hours);
  if (from === to) {
    findings.report('POLICY_WINDOW', source, child(node, 'hours') ?? node, `the hours ${quote(hours ?? '')} are empty`, 'write `00:00-24:00` for the whole day, or leave `hours` away');
  }
  const always = hours === undefined && child(node, 'days') === undefined;
  if (always) findings.report('POLICY_WINDOW', source, { offset: node.offset, length: 1 }, 'the window is always open: it needs `days`, `hours` or both');
  if (zone === undefined || from === to || always) return undefined;
  return new Window(daysOf(node), from, to, zone, source, { offset: node.offset, length: node.length });
}

function daysOf(node: DocNode): number {
  if (child(node, 'days') === undefined) return ALL_DAYS;
  let days = 0;
  for (const item of itemsOf(node, 'days')) if (item.kind === 'scalar') days |= 1 << (DAYS as readonly unknown[]).indexOf(item.value);
  return days;
}

/** `06:00-22:00`, by the schema's pattern. */
function minutesOf(hours: string): readonly [number, number] {
  const [from = 0, to = 0] = hours.split('-').map((time) => {
    const [hour = 0, minute = 0] = time.split(':').map(Number);
    return hour * 60 + minute;
  });
  return [from, to];
}
