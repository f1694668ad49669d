// Edits of a text, as places and pieces. Places are counted in UTF-16 units, as text boxes and Yjs count them, and none is within a sign
// of two units: half of one cannot be stored.

export interface Edit {
  at: number;
  /** How many units it takes out. */
  removed: number;
  inserted: string;
}

/** A change of a text as Yjs tells it. */
export type Delta = readonly { retain?: number | undefined; insert?: unknown; delete?: number | undefined }[];

const isHigh = (unit: number) => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit: number) => unit >= 0xdc00 && unit < 0xe000;

/** Return the edit that makes `after` of `before`, or null. `caret`: where it has left the caret, which tells equal letters apart. */
export function difference(before: string, after: string, caret = after.length): Edit | null {
  if (before === after) return null;
  const most = Math.min(before.length, after.length);
  let kept = 0; // at the end
  while (kept < Math.min(most, after.length - caret) && same(before.length - 1 - kept, after.length - 1 - kept)) kept++;
  let at = 0;
  while (at < most - kept && same(at, at)) at++;
  while (at + kept < most && same(before.length - 1 - kept, after.length - 1 - kept)) kept++;
  if (at > 0 && isHigh(before.charCodeAt(at - 1))) at--;
  if (kept > 0 && isLow(before.charCodeAt(before.length - kept))) kept--;
  return { at, removed: before.length - kept - at, inserted: after.slice(at, after.length - kept) };

  function same(one: number, other: number): boolean {
    return before.charCodeAt(one) === after.charCodeAt(other);
  }
}

/** Return where a place of a text is after a change. What comes in exactly there comes in behind it, or with `after` before it. */
export function moved(place: number, delta: Delta, after = false): number {
  let at = 0;
  for (const { retain = 0, insert, delete: removed = 0 } of delta) {
    at += retain;
    if (at > place) break;
    if (insert !== undefined) {
      const length = typeof insert === "string" ? insert.length : 1;
      if (at < place || after) place += length;
      at += length;
    }
    place = Math.max(Math.min(place, at), place - removed);
  }
  return place;
}
