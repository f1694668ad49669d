// A text that was found, cut around what was searched for, in parts that are marked and parts that are not.

export interface Part {
  text: string;
  marked: boolean;
}

type Range = readonly [start: number, end: number];

const BEFORE = 40;
const LONGEST = 300;
const letters = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Return the text from a little before the first range on. Where it is cut, a part says so; no letter is cut in two. */
export function partsOf(text: string, ranges: readonly Range[]): Part[] {
  const first = ranges[0]?.[0] ?? 0;
  const start = first > 2 * BEFORE ? letterAt(text, first - BEFORE) : 0;
  const end = letterAt(text, start + LONGEST);
  const parts: Part[] = [];
  const add = (from: number, to: number, marked: boolean) => {
    if (from < to) parts.push({ text: text.slice(from, to), marked });
  };
  let at = start;
  for (const [from, to] of ranges) {
    add(at, Math.min(from, end), false);
    add(Math.max(at, from), Math.min(to, end), true);
    at = Math.max(at, to);
  }
  add(at, end, false);
  if (start > 0) parts.unshift({ text: "… ", marked: false });
  if (end < text.length) parts.push({ text: " …", marked: false });
  return parts;
}

/** Return where the letter begins that this place is in. */
function letterAt(text: string, place: number): number {
  return place >= text.length ? text.length : (letters.segment(text).containing(place)?.index ?? place);
}
