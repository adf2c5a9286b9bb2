import { hasExpired, type Rule } from '../../source/rule.js';
import { MINUTES_A_DAY, type Window } from '../../source/window.js';

const MINUTE_MS = 60_000;
const DAY_MS = MINUTES_A_DAY * MINUTE_MS;
/** Windows come back every week, and time zones change their clocks within a year. */
const YEAR_MS = 366 * DAY_MS;
/** Windows of so many moments are looked at; a moment costs little. */
const MAX_LOOKS = 2_000_000;

export interface Moments {
  readonly moments: readonly number[];
  /** False where there were too many windows and expiries to look at every moment at which one of them opens or closes. */
  readonly complete: boolean;
}

/**
 * The clock, and one moment for each set of rules that are in force together at any time: of every time between two expiries
 * a whole year, at each moment at which a window opens or closes.
 */
export function momentsOf(rules: readonly Pick<Rule, 'expiresMs' | 'window'>[], policyExpiresMs: number, clockMs: number): Moments {
  const ends = [...rules.flatMap(({ expiresMs }) => expiresMs ?? []), ...(policyExpiresMs === Infinity ? [] : [policyExpiresMs])];
  const edges = [...new Set(ends)].sort((a, b) => a - b);
  const windows = [...new Map(rules.flatMap(({ window }) => (window === undefined ? [] : [[window.expected, window]]))).values()];
  const state = (nowMs: number): string => {
    if (nowMs >= policyExpiresMs) return 'expired';
    const open = new Map(windows.map((window) => [window.expected, window.isOpen(nowMs)]));
    return rules.map(({ window, expiresMs }) => (hasExpired({ expiresMs }, nowMs) || (window !== undefined && open.get(window.expected) === false) ? '0' : '1')).join('');
  };
  const found = new Map([[state(clockMs), clockMs]]);
  let looks = 0;
  let complete = true;
  for (const [fromMs, untilMs] of spansOf(edges, clockMs)) {
    for (const nowMs of [fromMs, ...changesOf(windows, fromMs, untilMs)]) {
      if ((looks += 1 + windows.length) > MAX_LOOKS) {
        complete = false;
        break;
      }
      const one = state(nowMs);
      if (!found.has(one)) found.set(one, nowMs);
    }
  }
  return { moments: [...found.values()], complete };
}

/** The times between expiries, each no longer than the year in which windows do all they can. */
function spansOf(edges: readonly number[], clockMs: number): readonly (readonly [number, number])[] {
  const [first] = edges;
  if (first === undefined) return [[clockMs, clockMs + YEAR_MS]];
  const before: readonly [number, number] = [first - YEAR_MS, first];
  return [before, ...edges.map((edge, index): readonly [number, number] => [edge, Math.min(edges[index + 1] ?? Infinity, edge + YEAR_MS)])];
}

/** The moments at which windows open or close, and those at which clocks change. */
function changesOf(windows: readonly Window[], fromMs: number, untilMs: number): readonly number[] {
  const changes = new Set<number>();
  for (const { from, to, zone } of windows) {
    for (let dayMs = Math.floor(fromMs / DAY_MS) * DAY_MS - DAY_MS; dayMs < untilMs + DAY_MS; dayMs += DAY_MS) {
      const [before, after] = [zone.offsetMs(dayMs), zone.offsetMs(dayMs + DAY_MS)];
      // On a day on which clocks change, every quarter of an hour is looked at: what opens or closes then, does so at one.
      if (before !== after) for (let at = 0; at < DAY_MS; at += 15 * MINUTE_MS) changes.add(dayMs + at);
      for (const offset of new Set([before, after])) for (const minute of [from, to]) changes.add(dayMs + minute * MINUTE_MS - offset);
    }
  }
  return [...changes].filter((ms) => ms >= fromMs && ms < untilMs).sort((a, b) => a - b);
}
