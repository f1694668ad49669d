// What a room's items become on the screen: rows, with days, groups and folded notices. Pure, and the same row object as long as
// nothing of it changes. Dividers belong to the row below them, so that a row count changes only at the ends.

import type { Hole, Item, Message, Notice } from "madang";
import { dayNumber } from "../time";

export type Row = MessageRow | NoticesRow | HoleRow | StartRow;

interface RowBase {
  key: string;
  /** Where a day begins: a time of it. */
  day: string | null;
}
export interface MessageRow extends RowBase {
  kind: "message";
  message: Message;
  /** Without picture and name: it goes on from the row above. */
  grouped: boolean;
  /** The "new messages" line is above it. */
  line: boolean;
}
export interface NoticesRow extends RowBase {
  kind: "notices";
  notices: readonly Notice[];
}
export interface HoleRow extends RowBase {
  kind: "hole";
  hole: Hole;
}
export interface StartRow extends RowBase {
  kind: "start";
}

export interface RowOptions {
  /** Whether the first item is the room's first. */
  complete: boolean;
  /** The message below the "new messages" line. */
  line: number | null;
  /** Messages that do not go on from the row above: the line is or was there, and its going must move nothing. */
  breaks: ReadonlySet<number>;
}

const GROUP_MS = 5 * 60_000;
const START: StartRow = { kind: "start", key: "start", day: null };
const messageRows = new WeakMap<Message, MessageRow>();
const noticeRows = new WeakMap<Notice, NoticesRow>();
const holeRows = new WeakMap<Hole, HoleRow>();
const times = new WeakMap<Message, number>();

const timeOf = (message: Message): number => {
  let time = times.get(message);
  if (time === undefined) {
    time = Date.parse(message.at);
    times.set(message, time);
  }
  return time;
};

/** Return the rows of items, oldest first. */
export function rowsOf(items: readonly Item[], { complete, line, breaks }: RowOptions): Row[] {
  const rows: Row[] = complete ? [START] : [];
  let before: Message | null = null; // in the row above
  let day = 0;
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as Item;
    if (item.kind === "hole") {
      rows.push(holeRow(item));
      before = null;
      continue;
    }
    if (item.kind === "notice" && !isShown(item)) continue;
    const own = dayNumber(item.at);
    const dayStarts = own !== day ? item.at : null;
    day = own;
    if (item.kind === "notice") {
      const notices = [item];
      while (i + 1 < items.length) {
        const next = items[i + 1] as Item;
        if (next.kind !== "notice" || (isShown(next) && dayNumber(next.at) !== own)) break;
        if (isShown(next)) notices.push(next);
        i++;
      }
      rows.push(noticesRow(notices, dayStarts));
      before = null;
      continue;
    }
    const isLine = line !== null && item.seq === line;
    const grouped =
      before !== null &&
      dayStarts === null &&
      !isLine &&
      !(item.seq !== null && breaks.has(item.seq)) &&
      item.replyTo === undefined &&
      item.user === before.user &&
      item.name === before.name &&
      timeOf(item) - timeOf(before) < GROUP_MS;
    rows.push(messageRow(item, grouped, isLine, dayStarts));
    before = item;
  }
  return rows;
}

// A new name or picture is seen at the next message; it needs no line of its own.
const isShown = (notice: Notice) => notice.type !== "member.changed" && notice.type !== "member.unbanned";

function messageRow(message: Message, grouped: boolean, line: boolean, day: string | null): MessageRow {
  const known = messageRows.get(message);
  if (known && known.grouped === grouped && known.line === line && known.day === day) return known;
  const row: MessageRow = { kind: "message", key: message.key, message, grouped, line, day };
  messageRows.set(message, row);
  return row;
}

function noticesRow(notices: Notice[], day: string | null): NoticesRow {
  const last = notices[notices.length - 1] as Notice;
  const first = notices[0] as Notice;
  const known = noticeRows.get(last);
  if (known && known.notices[0] === first && known.notices.length === notices.length && known.day === day) return known;
  const row: NoticesRow = { kind: "notices", key: first.key, notices, day };
  noticeRows.set(last, row);
  return row;
}

function holeRow(hole: Hole): HoleRow {
  let row = holeRows.get(hole);
  if (!row) {
    row = { kind: "hole", key: hole.key, hole, day: null };
    holeRows.set(hole, row);
  }
  return row;
}

/** Return the highest seq that is known once a row has been seen. */
export function seqOf(row: Row | undefined): number {
  if (row?.kind === "message") return row.message.seq ?? 0;
  if (row?.kind === "notices") return row.notices[row.notices.length - 1]?.seq ?? 0;
  return 0;
}
