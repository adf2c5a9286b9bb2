const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `500ms`, `5s`, `10m`, `1h` or `90d`, whose form the schema has checked. */
export function milliseconds(text: string): number {
  const unit = text.replace(/^[0-9]+/, '');
  return Number.parseInt(text, 10) * (UNITS[unit] ?? NaN);
}
