// Numbers, times and lengths of time as the page's language writes them.

import { signal } from "../ui/signals";
import { language } from "./index";

/** Whether times are written with 24 hours, whatever the language has. */
export const hours24 = signal(false);

export const number = (n: number) => new Intl.NumberFormat(language.value).format(n);

/** Return a number for a badge: from 1,000 on it is not counted. */
export const badge = (n: number) => (n >= 1000 ? "999+" : number(n));

/** Return a time with its day, for moments that are not of today. */
export function dateTime(at: Date | number): string {
  const options: Intl.DateTimeFormatOptions = { dateStyle: "medium", timeStyle: "short", ...clock() };
  return new Intl.DateTimeFormat(language.value, options).format(at);
}

const clock = (): Intl.DateTimeFormatOptions => (hours24.value ? { hourCycle: "h23" } : {});

const UNITS: [Intl.RelativeTimeFormatUnit & ("day" | "hour" | "minute" | "second"), number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

/** Return a length of time in its largest whole unit: "7 days", "30 seconds". */
export function duration(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms >= size) ?? ["second", 1000];
  const style = { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 0 } as const;
  return new Intl.NumberFormat(language.value, style).format(Math.ceil(ms / size));
}

/** Return when something is that is this far away: "in 9 minutes". */
export function fromNow(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms >= size) ?? ["second", 1000];
  return new Intl.RelativeTimeFormat(language.value).format(Math.ceil(ms / size), unit);
}
