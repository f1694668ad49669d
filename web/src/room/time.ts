// Days and times as a room shows them: of the reader's own calendar and clock.

import type { Speech } from "./words";

type Style = "time" | "day" | "full";

const OPTIONS: Record<Style, Intl.DateTimeFormatOptions> = {
  time: { hour: "numeric", minute: "2-digit" },
  day: { weekday: "long", year: "numeric", month: "long", day: "numeric" },
  full: { dateStyle: "full", timeStyle: "short" },
};

const formats = new Map<string, Intl.DateTimeFormat>();

function format(speech: Speech, style: Style): Intl.DateTimeFormat {
  const { language, hour12 } = speech;
  const key = `${language} ${style} ${hour12}`;
  let found = formats.get(key);
  if (!found) {
    const clock = hour12 === undefined || style === "day" ? {} : { hour12 };
    found = new Intl.DateTimeFormat(language, { ...OPTIONS[style], ...clock });
    formats.set(key, found);
  }
  return found;
}

/** Drop what was made for another time zone: the device has moved. */
export function forgetZone(): void {
  formats.clear();
  days.clear();
}

export const timeOf = (speech: Speech, at: string) => format(speech, "time").format(new Date(at));
export const dayOf = (speech: Speech, at: string) => format(speech, "day").format(new Date(at));
export const fullTime = (speech: Speech, at: string | number) => format(speech, "full").format(new Date(at));

const days = new Map<string, number>();

/** Return a number for the local calendar day of a time: the same for two times of one day. */
export function dayNumber(at: string): number {
  // Quarters of an hour, because time zones differ by these: a few hundred keys for a day of any room.
  const quarter = at.slice(0, 14) + Math.floor(Number(at.slice(14, 16)) / 15);
  let day = days.get(quarter);
  if (day === undefined) {
    const date = new Date(at);
    day = date.getFullYear() * 10_000 + date.getMonth() * 100 + date.getDate();
    if (days.size > 5000) days.clear();
    days.set(quarter, day);
  }
  return day;
}
