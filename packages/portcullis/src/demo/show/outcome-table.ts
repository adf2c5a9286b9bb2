import type { DecisionRecord } from '@portcullis/core';
import type { Colors } from '../../cli/colors.js';
import type { Came } from '../outcome.js';
import { line, type Line } from './line.js';
import { columnsFor, formatTable, type Cell } from './table.js';
import type { Reasons } from './why.js';

/** Who came, what was decided, and why. */
export function outcomeTable(came: readonly Came[], reasons: Reasons, colors: Colors, width: number): string {
  const columns = columnsFor(width, ['PEER', 'DECISION', 'CAUSE, RULE', 'WHY'], [0.23, 8 / width, 0.2]);
  return formatTable(columns, came.map((one) => rowOf(one, reasons, colors)), colors.bold);
}

function rowOf({ scenario, plan, record, wrong }: Came, reasons: Reasons, colors: Colors): readonly Cell[] {
  const unexpected = wrong.map((what) => line(`UNEXPECTED: ${what}`, colors.yellow));
  if (record === undefined) return [[line(scenario.peer)], [line('-')], [], unexpected];
  return [[line(scenario.peer)], [effect(record, colors)], reasons.cause(record), [...reasons.why(record, plan.tell), ...unexpected]];
}

export function effect({ decision }: DecisionRecord, { bold, green, red }: Colors): Line {
  return decision === 'allow' ? line('allow', (text) => bold(green(text))) : line('deny', (text) => bold(red(text)));
}
