// Looking around in a room: its past, its pins, its members. Loaded when it is needed.

import { caughtUp, extend, prepend, replace } from "./pages.js";
import type { RoomHandle } from "./room.js";
import { pinsAfter } from "./signs.js";
import type * as T from "./types.js";

const PAGE = 50;

/** A time as the server takes it. */
export const timeOf = (time: string | Date | undefined) => (time instanceof Date ? time.toISOString() : time);

export async function history(room: RoomHandle, { at, ...query }: T.HistoryQuery = {}): Promise<T.HistoryPage> {
  const answer = await room.request("history", { limit: PAGE, ...query, at: timeOf(at) });
  const { messages, more, newer = false, seq = room.feed.seq } = answer; // an older server does not say how far it read
  return { messages: messages.map((row: T.Answer) => room.feed.copy.message(row)), more, newer, seq };
}

export async function older(room: RoomHandle, limit = PAGE): Promise<void> {
  const { copy } = room.feed;
  if (!copy.hasOlder) return;
  const query = () => ({ before: copy.low, limit });
  await load(room, "older", query, ({ messages, more }, later) => {
    prepend(copy, caughtUp(copy, messages, later, false), more);
  });
}

export async function newer(room: RoomHandle, limit = PAGE): Promise<void> {
  const { copy } = room.feed;
  if (!copy.hasNewer) return;
  const query = () => ({ after: copy.high, limit });
  await load(room, "newer", query, ({ messages, more }, later) => {
    extend(copy, caughtUp(copy, messages, later, !more), more);
  });
}

export async function around(room: RoomHandle, target: number | Date): Promise<void> {
  const query = target instanceof Date ? { at: target } : { around: target };
  await jump(room, query);
}

export async function latest(room: RoomHandle): Promise<void> {
  if (room.feed.copy.hasNewer) await jump(room, {});
}

async function jump(room: RoomHandle, query: T.HistoryQuery): Promise<void> {
  const { copy } = room.feed;
  await load(
    room,
    "newer",
    () => query,
    ({ messages, more, newer }, later) => {
      replace(copy, caughtUp(copy, messages, later, !newer), more, newer);
    },
  );
}

/** Have a page, unless one is on its way. */
async function load(
  room: RoomHandle,
  what: "older" | "newer",
  query: () => T.HistoryQuery,
  put: (page: T.HistoryPage, later: readonly T.Answer[]) => void,
): Promise<void> {
  const { feed } = room;
  if (feed.loading) return;
  feed.loading = what;
  feed.changed();
  try {
    await ask(
      room,
      () => history(room, query()),
      (page, since) =>
        put(
          page,
          since.filter(({ seq }) => seq > page.seq),
        ),
    );
  } finally {
    feed.loading = null;
    feed.changed();
  }
}

/**
 * Ask for what is read from the log, and put it where the copy is: `since` is what has come since it was asked for, at least up to its seq.
 * The answer may be ahead of the events, and behind them: what it has already must not be done to it again. It is asked for again
 * where too much has come or the copy began again, and dropped where that was with another numbering.
 */
async function ask<P extends { readonly seq: number }>(
  room: RoomHandle,
  read: () => Promise<P>,
  put: (page: P, since: readonly T.Answer[]) => void,
): Promise<void> {
  const { feed } = room;
  const { copy, epoch } = feed;
  while (feed.epoch === epoch) {
    const events: T.Answer[] = [];
    copy.coming.add(events);
    try {
      const page = await read();
      await reached(room, page.seq);
      if (!copy.coming.has(events)) continue;
      if (feed.epoch === epoch) put(page, events);
      return;
    } finally {
      copy.coming.delete(events);
    }
  }
}

/** Wait until all up to a seq has come, or nothing comes any more. */
function reached({ core, feed }: RoomHandle, seq: number): Promise<void> {
  return new Promise((done) => {
    const look = () => {
      if (feed.seq < seq && feed.stand !== "idle" && !core.over) return;
      feed.looks.delete(look);
      done();
    };
    feed.looks.add(look);
    look();
  });
}

export async function loadPins(room: RoomHandle): Promise<void> {
  const { feed } = room;
  const { copy } = feed;
  const read = async () => {
    const pins: T.Message[] = [];
    const readAt = new Map<number | undefined, number>(); // by the message; of several pages each at a time of its own
    let seq = 0;
    for (let more = true; more; ) {
      const page = await room.request("pins", { after: pins.at(-1)?.seq ?? 0 });
      const { messages } = page;
      seq = page.seq ?? feed.seq;
      if (!readAt.size) readAt.set(undefined, seq);
      for (const row of messages) readAt.set(row.seq, seq);
      pins.push(...messages.map((row: T.Answer) => copy.message(row)));
      more = page.more && messages.length > 0;
    }
    return { pins, readAt, seq };
  };
  do {
    await ask(room, read, ({ pins, readAt }, since) => {
      const first = readAt.get(undefined) ?? 0;
      feed.pins = pins;
      for (const event of since) {
        if (feed.pins && event.seq > (readAt.get(event.target) ?? first)) feed.pins = pinsAfter(copy, feed.pins, event);
      }
      feed.changed();
    });
  } while (!feed.pins && feed.epoch);
}

export async function members(room: RoomHandle, query: T.MembersQuery = {}): Promise<T.Page<T.Member>> {
  const { prefix, ...rest } = query;
  const name = prefix || undefined; // nothing typed yet: all of them
  const { members, ...answer } = await room.request("members", { ...rest, name });
  const older = name && !room.core.server?.features?.includes("names"); // then it is this client that looks
  const begins = ({ name: full }: T.Answer) => !older || full.toLowerCase().startsWith(name.toLowerCase());
  return page(members.filter(begins).map(personOf), { next: members.at(-1)?.user, ...answer });
}

export async function reactors(
  room: RoomHandle,
  seq: number,
  emoji: string,
  query: T.PageQuery = {},
): Promise<T.Page<T.User>> {
  const { reactors, ...answer } = await room.request("reactors", { seq, emoji, ...query });
  return page(reactors.map(personOf), { next: reactors.at(-1)?.user, ...answer });
}

// biome-ignore lint/suspicious/noExplicitAny: a row of whichever list
const personOf = ({ user, ...rest }: T.Answer): any => ({ id: user, ...rest });

function page<P>(items: readonly P[], { more, next }: T.Answer): T.Page<P> {
  return { items, more, next: next ?? "" };
}
