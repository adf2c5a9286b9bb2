const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/;

/** Milliseconds since the epoch of `2027-01-31T00:00:00Z`: date, time and zone in full. Undefined for all else. */
export function parseMoment(text: string): number | undefined {
  const ms = MOMENT.test(text) ? Date.parse(text) : NaN;
  // `Date.parse` takes 31 February for 3 March.
  const day = Date.parse(`${text.slice(0, 10)}T00:00:00Z`);
  const real = !Number.isNaN(ms) && !Number.isNaN(day) && new Date(day).toISOString().startsWith(text.slice(0, 10));
  return real ? ms : undefined;
}

const MS_PER_DAY = 86_400_000;

/** When that is, as seen from now: `in 7 days: on 2026-12-05T00:00:00.000Z`. */
export function formatUntil(ms: number, nowMs: number): string {
  const days = Math.ceil((ms - nowMs) / MS_PER_DAY);
  return `${days === 1 ? 'within a day' : `in ${String(days)} days`}: on ${new Date(ms).toISOString()}`;
}
