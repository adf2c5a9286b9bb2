import type { Span } from '../findings/finding.js';
import type { SourceText } from '../findings/source-text.js';
import type { TimeZone } from './time-zone.js';

/** As a week is counted here: 0 is Monday. */
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export const ALL_DAYS = 0b111_1111;
export const MINUTES_A_DAY = 1440;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** 1 January 1970 was a Thursday. */
const FIRST_DAY = 3;

/**
 * When a rule takes part: by what a clock on the wall of a time zone shows, whatever made it show that. A time that is
 * skipped when clocks go forward does not come; one that comes twice when they go back counts twice.
 */
export class Window {
  /** One bit a day, Monday first: the days on which it opens. */
  readonly days: number;
  /** Minutes since midnight. `to` before `from` is on the next day. */
  readonly from: number;
  readonly to: number;
  readonly zone: TimeZone;
  readonly source: SourceText;
  readonly span: Span;

  constructor(days: number, from: number, to: number, zone: TimeZone, source: SourceText, span: Span) {
    this.days = days;
    this.from = from;
    this.to = to;
    this.zone = zone;
    this.source = source;
    this.span = span;
    Object.freeze(this);
  }

  isOpen(nowMs: number): boolean {
    // Before every moment: what a window excludes is not known yet.
    if (nowMs === -Infinity) return true;
    const localMs = nowMs + this.zone.offsetMs(nowMs);
    const day = Math.floor(localMs / DAY_MS);
    const minute = (localMs - day * DAY_MS) / MINUTE_MS;
    const weekday = (((day + FIRST_DAY) % 7) + 7) % 7;
    if (this.from < this.to) return this.#opensOn(weekday) && minute >= this.from && minute < this.to;
    // Over midnight: the small hours belong to the day before.
    return minute >= this.from ? this.#opensOn(weekday) : minute < this.to && this.#opensOn((weekday + 6) % 7);
  }

  /** `mon, tue 06:00-22:00 Europe/Berlin`. */
  get expected(): string {
    const days = this.days === ALL_DAYS ? 'every day' : DAYS.filter((_, day) => this.#opensOn(day)).join(', ');
    const hours = this.to - this.from === MINUTES_A_DAY ? '' : ` ${timeOfDay(this.from)}-${timeOfDay(this.to)}`;
    return `${days}${hours} ${this.zone.name}`;
  }

  /** What the clock on its wall shows: `sat 14:05`. */
  shown(nowMs: number): string {
    const localMs = nowMs + this.zone.offsetMs(nowMs);
    const day = Math.floor(localMs / DAY_MS);
    const weekday = DAYS[(((day + FIRST_DAY) % 7) + 7) % 7] ?? '';
    return `${weekday} ${timeOfDay(Math.floor((localMs - day * DAY_MS) / MINUTE_MS))}`;
  }

  #opensOn(day: number): boolean {
    return ((this.days >>> day) & 1) === 1;
  }
}

function timeOfDay(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}
