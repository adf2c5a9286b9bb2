const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Some years: who tests a policy asks for all days of them. */
const MOST_DAYS = 4096;
/** IANA names; what some versions of Node take beside them, as `+02:00`, means something else to others. */
const NAME = /^[A-Za-z][A-Za-z0-9_+/-]*$/;

/**
 * A time zone of the IANA database that comes with Node. Its offset is asked of `Intl` thrice a day, and once a minute in an
 * hour in which clocks change: what is remembered only saves asking the same again.
 */
export class TimeZone {
  static readonly #known = new Map<string, TimeZone>();
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;
  /** Offsets of days on which clocks do not change. */
  readonly #days = new Map<number, number>();
  #fromMs = NaN;
  #untilMs = NaN;
  #offsetMs = 0;

  private constructor(name: string, format: Intl.DateTimeFormat) {
    this.name = name;
    this.#format = format;
  }

  /** The zone of this name; undefined where there is none. */
  static of(name: string): TimeZone | undefined {
    const known = TimeZone.#known.get(name);
    if (known !== undefined || !NAME.test(name)) return known;
    try {
      const format = new Intl.DateTimeFormat('en-US', {
        timeZone: name, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23',
        year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
      });
      const zone = new TimeZone(name, format);
      TimeZone.#known.set(name, zone);
      return zone;
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  /** What clocks there show beside UTC, at a moment since the epoch. */
  offsetMs(nowMs: number): number {
    if (nowMs >= this.#fromMs && nowMs < this.#untilMs) return this.#offsetMs;
    const day = Math.floor(nowMs / DAY_MS);
    const ofDay = this.#days.get(day) ?? this.#steady(day * DAY_MS, DAY_MS);
    if (ofDay !== undefined) {
      if (this.#days.size >= MOST_DAYS) this.#days.clear();
      this.#days.set(day, ofDay);
      return this.#remember(day * DAY_MS, DAY_MS, ofDay);
    }
    const hourMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
    const ofHour = this.#steady(hourMs, HOUR_MS);
    if (ofHour !== undefined) return this.#remember(hourMs, HOUR_MS, ofHour);
    const minuteMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
    return this.#remember(minuteMs, MINUTE_MS, this.#ask(minuteMs));
  }

  /** The offset throughout a time; undefined where it changes. */
  #steady(fromMs: number, spanMs: number): number | undefined {
    const first = this.#ask(fromMs);
    return first === this.#ask(fromMs + spanMs / 2) && first === this.#ask(fromMs + spanMs - 1) ? first : undefined;
  }

  #remember(fromMs: number, spanMs: number, offsetMs: number): number {
    this.#fromMs = fromMs;
    this.#untilMs = fromMs + spanMs;
    this.#offsetMs = offsetMs;
    return offsetMs;
  }

  #ask(nowMs: number): number {
    const shown = new Map(this.#format.formatToParts(nowMs).map(({ type, value }) => [type, Number(value)]));
    const part = (name: Intl.DateTimeFormatPartTypes): number => shown.get(name) ?? NaN;
    const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
    return local - Math.floor(nowMs / 1000) * 1000;
  }
}
