// Pages of the past, into a copy's window: older ones in front, newer ones behind, others in its place. Loaded when it is needed.

import { Copy, DROPPED, MOST_ITEMS } from "./copy.js";
import type { Answer, Message, Notice } from "./types.js";

type Rows = readonly (Message | Notice)[];

/** A page after what has happened since it was read; if it reaches the end, with what has come there. */
export function caughtUp({ people, me }: Copy, page: readonly Message[], later: readonly Answer[], end: boolean): Rows {
  const copy = new Copy(people);
  copy.me = me;
  copy.list = [...page];
  copy.atEnd = end;
  for (const event of later) copy.put(event);
  return copy.list;
}

/** Put a page of older messages in front; `more` says whether there are yet older ones. */
export function prepend(copy: Copy, page: Rows, more: boolean): void {
  const older = page.filter((message) => (message.seq ?? 0) < copy.low);
  const lowest = older[0]?.seq ?? copy.low;
  copy.list.unshift(...older);
  copy.low = more ? lowest : 1;
  copy.hasOlder = more;
  if (!more || lowest <= copy.hole + 1) copy.hole = 0;
  if (copy.list.length > MOST_ITEMS) {
    copy.list.splice(MOST_ITEMS - DROPPED);
    copy.atEnd = false;
  }
  copy.shown = null;
}

/** Put a page of newer messages at the end. */
export function extend(copy: Copy, page: Rows, more: boolean): void {
  const { high } = copy;
  copy.list.push(...page.filter((message) => (message.seq ?? 0) > high));
  copy.trim();
  end(copy, !more);
}

/** Show these messages instead. */
export function replace(copy: Copy, page: Rows, more: boolean, newer: boolean): void {
  copy.list = [...page];
  copy.low = more ? (page[0]?.seq ?? 1) : 1;
  copy.hasOlder = more;
  copy.hole = 0;
  end(copy, !newer);
}

function end(copy: Copy, reached: boolean): void {
  copy.shown = null;
  copy.atEnd = reached;
  if (reached) copy.settle(copy.high);
}
