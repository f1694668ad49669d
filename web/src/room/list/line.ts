// Where the "new messages" line is, and when it comes and goes. Pure state, fed by the list.

import type { Item, Message } from "madang";

export interface Line {
  /** The message below the line. */
  readonly seq: number | null;
  /** Whether it has been in view. */
  readonly seen: boolean;
  /** Messages above which the line is or was: these do not join the row above again, so that nothing moves. */
  readonly breaks: ReadonlySet<number>;
}

export const NO_LINE: Line = { seq: null, seen: false, breaks: new Set() };

/** Return the line above a message. */
export function lineAt(line: Line, seq: number): Line {
  return { seq, seen: false, breaks: new Set([...line.breaks, seq]) };
}

export const withoutLine = (line: Line): Line => (line.seq === null ? line : { ...line, seq: null, seen: false });

/** Return the first message by somebody else above `readSeq`: the line is above that one. */
export function firstUnread(items: readonly Item[], readSeq: number, me: string | null): Message | null {
  for (let i = items.length - 1, found: Message | null = null; ; i--) {
    const item = items[i];
    if (!item) return found;
    if (item.kind !== "message") {
      if (item.kind === "notice" && item.seq <= readSeq) return found;
      continue;
    }
    if (item.seq !== null && item.seq <= readSeq) return found;
    if (item.seq !== null && item.user !== me) found = item;
  }
}
