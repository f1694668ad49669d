// How the rows of a list became others, so that only what is new moves. Pure; comes with the extras.

import type { Row } from "./rows";

/** What changed between two lists of rows, seen from a row that is in both. */
export interface Change {
  kind: "same" | "start" | "end" | "both" | "other";
  /** Of the row that is in both: in the old list and in the new one. */
  from: number;
  to: number;
}

/** Return how rows became others. `from`: the row of the old list that the reader sees. */
export function changeOf(old: readonly Row[], rows: readonly Row[], from: number): Change {
  if (old.length === 0) return { kind: rows.length ? "other" : "same", from: 0, to: 0 };
  const places = new Map(rows.map((row, i) => [row.key, i]));
  for (const i of nearest(old.length, from)) {
    const row = old[i] as Row;
    const to = row.kind === "message" ? places.get(row.key) : undefined;
    if (to === undefined) continue;
    const start = to !== i;
    const end = rows.length - to !== old.length - i;
    return { kind: start && end ? "both" : start ? "start" : end ? "end" : "same", from: i, to };
  }
  // No message in common: notices and the start of an empty room may still be.
  const grows = rows[0]?.key === old[0]?.key;
  return { kind: grows ? (rows.length === old.length ? "same" : "end") : "other", from: 0, to: 0 };
}

function* nearest(length: number, from: number): Generator<number> {
  const start = Math.min(Math.max(from, 0), length - 1);
  for (let i = start; i < length; i++) yield i;
  for (let i = start - 1; i >= 0; i--) yield i;
}
