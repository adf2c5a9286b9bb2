import type { Rate } from '@portcullis/core';

const RATE = /^(?<count>[1-9][0-9]{0,5})\/(?<unit>[smh])$/;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** `100/s`, `20/m`, `5/h`; as many may come at once unless `burst` says otherwise. Undefined for all else. */
export function parseRate(text: string, burst?: number): Rate | undefined {
  const { count = '', unit = '' } = RATE.exec(text)?.groups ?? {};
  const seconds = SECONDS[unit];
  return seconds === undefined ? undefined : { perSecond: Number(count) / seconds, burst: burst ?? Number(count) };
}
