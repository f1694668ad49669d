// The rules of a position and a copy, one by one: gaps, resets, holes, purges, a text that the server changed.

import { expect, test } from "vitest";
import type { Core } from "../src/core.js";
import { MadangError } from "../src/errors.js";
import { Feed } from "../src/feed.js";
import { latest, loadPins, newer, older } from "../src/looking.js";
import { prepend, replace } from "../src/pages.js";
import type { RoomHandle } from "../src/room.js";
import { present, show } from "../src/signs.js";
import type { Answer, Item } from "../src/types.js";
import { messages } from "./people.js";

const AT = "2026-11-22T09:00:00.123Z";
const sent = (seq: number, more: object = {}): Answer => ({
  op: "event",
  room: "r",
  seq,
  id: `${seq}`,
  type: "message.sent",
  user: "bora",
  name: "Bora",
  at: AT,
  text: `m${seq}`,
  ...more,
});
const event = (seq: number, type: string, more: object = {}): Answer => ({
  ...sent(seq, { type }),
  text: undefined,
  ...more,
});
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => sent(from + i));

function following(seq = 0, events: Answer[] = [], more: object = {}): Feed {
  const feed = new Feed(
    "r",
    () => () => {},
    () => {},
  );
  feed.copy.identify("mina", "Mina");
  show(feed);
  feed.follow().catch(() => {});
  feed.asking();
  feed.joined({
    room: { id: "r", slow_ms: 0 },
    role: "member",
    seq,
    epoch: "e",
    read_seq: 0,
    reset: false,
    events,
    ...more,
  });
  return feed;
}

const kinds = (feed: Feed): string[] =>
  feed.cell
    .getSnapshot()
    .items.map((item: Item) =>
      item.kind === "message" ? item.text : item.kind === "hole" ? `hole ${item.after}..${item.before}` : item.type,
    );

test("a gap is not applied: the room is joined again from where it is", () => {
  const feed = following(1, range(1, 1));
  feed.event(sent(3));
  expect(feed.stand).toBe("away");
  expect(feed.asking()).toEqual({ room: "r", since: 1, epoch: "e" });
  feed.event(sent(4)); // before the answer: it does not count
  feed.joined({
    room: { id: "r" },
    role: "member",
    seq: 4,
    epoch: "e",
    read_seq: 0,
    reset: false,
    events: range(2, 4),
  });
  feed.event(sent(4)); // known
  expect(kinds(feed)).toEqual(["m1", "m2", "m3", "m4"]);
});

test("after a reset there is a hole, which older pages fill", () => {
  const feed = following(2, range(1, 2));
  feed.lost();
  feed.asking();
  feed.joined({
    room: { id: "r" },
    role: "member",
    seq: 12,
    epoch: "e",
    read_seq: 0,
    reset: true,
    events: range(9, 12),
  });
  expect(kinds(feed)).toEqual(["hole 2..9", "m9", "m10", "m11", "m12"]);
  const page = (from: number, to: number) => messages(following(to, range(from, to)).cell.getSnapshot());
  prepend(feed.copy, page(6, 8), true);
  feed.changed();
  expect(kinds(feed)).toEqual(["hole 2..6", "m6", "m7", "m8", "m9", "m10", "m11", "m12"]);
  prepend(feed.copy, page(1, 5), false);
  feed.changed();
  expect(kinds(feed)).toEqual(range(1, 12).map(({ text }) => text));
});

test("a user who was erased has no name any more and, with their messages, has said nothing", () => {
  const feed = following(0);
  const chae = { user: "chae", name: "Chae", picture: "https://p.example/c.png" };
  feed.event(event(1, "member.joined", { ...chae, role: "member" }));
  feed.event(sent(2, { ...chae, text: "@Mina look", mentions: ["mina"] }));
  feed.event(sent(3));
  feed.event(event(4, "member.role", { member: "chae", role: "moderator" }));
  feed.pins = messages(feed.cell.getSnapshot());
  expect(feed.cell.getSnapshot()).toMatchObject({ unread: 2, mentions: 1 });

  feed.event(event(5, "member.erased", { user: "madang", name: "Madang", member: "chae" }));
  const named = feed.cell.getSnapshot();
  expect(named.items.map((item) => item.kind !== "hole" && item.name)).toEqual(["", "", "Bora", "Bora"]);
  expect(named.items[1]).toMatchObject({ text: "@Mina look", user: "chae" });
  expect(named.items[1]).not.toHaveProperty("picture");
  expect(named.items[3]).not.toHaveProperty("memberName");
  expect(named.pins?.map(({ name }) => name)).toEqual(["", "Bora"]);
  expect(named).toMatchObject({ unread: 2, mentions: 1 });

  feed.event(sent(6, { ...chae, text: "on its way", data: 1 }));
  feed.event(event(7, "member.erased", { user: "madang", name: "Madang", member: "chae", messages: true }));
  const erased = feed.cell.getSnapshot();
  expect(erased.items[1]).toMatchObject({ text: "", mentions: [], deleted: true, key: "2" });
  expect(messages(erased).map(({ deleted }) => deleted === true)).toEqual([true, false, true]);
  expect(erased.pins?.map(({ seq }) => seq)).toEqual([3]);
  expect(erased).toMatchObject({ unread: 3, mentions: 0 });
});

test("another epoch is another numbering: nothing of the old copy is left", () => {
  const feed = following(2, range(1, 2));
  feed.frame({ op: "reset", room: "r", epoch: "f", seq: 1, events: [sent(1, { text: "restored" })] });
  expect(kinds(feed)).toEqual(["restored"]);
  expect(feed.cell.getSnapshot()).toMatchObject({ seq: 1, epoch: "f" });
});

test("events that are left out on purpose make no gap, others do", () => {
  const feed = following(1, range(1, 1));
  feed.frame({ op: "skip", room: "r", from: 2, to: 9 });
  feed.event(sent(10));
  expect(kinds(feed)).toEqual(["m1", "m10"]);
  feed.frame({ op: "skip", room: "r", from: 15, to: 20 });
  expect(feed.stand).toBe("away");
});

test("what is kept no longer goes, and events of a newer server pass", () => {
  const feed = following(3, range(1, 3));
  feed.event(event(4, "room.purged", { upto: 2 }));
  feed.event(event(5, "paint.splashed", { colour: "green" }));
  expect(kinds(feed)).toEqual(["m3"]);
  expect(feed.cell.getSnapshot()).toMatchObject({ hasOlder: false, seq: 5 });
});

test("an own message is one row, whether the ack or the event comes first, and where the server changed its text", () => {
  const mine = { user: "mina", name: "Mina" };
  const write = (feed: Feed, cid: string, text: string, order: number) =>
    feed.copy.sending({ user: "mina", cid, room: "r", order, owner: "", at: AT, text }, "Mina");
  const keys = (feed: Feed) => messages(feed.cell.getSnapshot()).map(({ key, state, text }) => [key, state, text]);
  for (const [ackFirst, stored] of [
    [true, "damn"],
    [false, "damn"],
    [true, "****"],
    [false, "****"],
  ] as const) {
    const feed = following();
    write(feed, "c1", "damn", 1);
    write(feed, "c2", "next", 2);
    const ack = () => feed.copy.sent("c1", "2", 2, feed.seq);
    feed.event(sent(1));
    if (ackFirst) ack();
    feed.changed();
    feed.event(sent(2, { ...mine, text: stored }));
    if (!ackFirst) ack();
    feed.changed();
    expect(keys(feed)).toEqual([
      ["1", "sent", "m1"],
      ["c1", "sent", stored],
      ["c2", "pending", "next"],
    ]);
  }
});

test("what is failed stays below, until it is dropped", () => {
  const feed = following();
  feed.copy.sending({ user: "mina", cid: "c1", room: "r", order: 1, owner: "", at: AT, text: "no" }, "Mina");
  feed.copy.failed("c1", new MadangError("muted", "You are muted."));
  feed.event(sent(1));
  expect(messages(feed.cell.getSnapshot()).map(({ text, state }) => [text, state])).toEqual([
    ["m1", "sent"],
    ["no", "failed"],
  ]);
  feed.copy.dropped("c1");
  feed.changed();
  expect(kinds(feed)).toEqual(["m1"]);
});

test("unread and mentions count others' messages above the read pointer, and mentions follow edits", () => {
  const feed = following();
  feed.event(sent(1, { mentions: ["mina"] }));
  feed.event(sent(2, { user: "mina" }));
  feed.event(event(3, "member.joined", { role: "member" }));
  feed.event(sent(4));
  expect(feed.cell.getSnapshot()).toMatchObject({ unread: 2, mentions: 1 });
  feed.event(event(5, "message.edited", { target: 4, text: "@Mina", mentions: ["mina"] }));
  expect(feed.cell.getSnapshot().mentions).toBe(2);
  feed.event(event(6, "message.deleted", { target: 1 }));
  expect(feed.cell.getSnapshot()).toMatchObject({ unread: 2, mentions: 1 });
  feed.copy.read(1);
  feed.changed();
  expect(feed.cell.getSnapshot()).toMatchObject({ unread: 1, mentions: 1 });
});

test("a membership that ends after the join ends the room; an earlier one does not", () => {
  const feed = following(
    3,
    [...range(1, 1), event(2, "member.left", { user: "mina" }), event(3, "member.joined", { user: "mina" })],
    { read_seq: 3 },
  );
  expect(feed.phase).toBe("live");
  feed.event(event(4, "member.kicked", { member: "mina", banned: true, reason: "Spam" }));
  expect(feed.cell.getSnapshot()).toMatchObject({
    phase: "left",
    error: { code: "banned", message: "Spam" },
    canWrite: false,
  });
});

test("role, settings and mutes say whether the user may write", () => {
  const feed = following();
  const may = () => feed.cell.getSnapshot().canWrite;
  const steps: [string, object, boolean][] = [
    ["member.muted", { member: "mina" }, false],
    ["member.unmuted", { member: "mina" }, true],
    ["room.changed", { write: "moderators" }, false],
    ["member.role", { member: "mina", role: "moderator" }, true],
    ["room.changed", { archived: true }, false],
    ["room.changed", { archived: false, write: "everyone" }, true],
    ["member.role", { member: "mina", role: "viewer" }, false],
  ];
  steps.forEach(([type, fields, can], i) => {
    feed.event(event(i + 1, type, fields));
    expect(may(), type).toBe(can);
  });
});

interface Read {
  /** What the store has come to when it is read: as after the event of this seq. */
  readonly page: Answer;
  /** What the connection brings before the answer, and behind it. */
  readonly before?: readonly Answer[];
  readonly behind?: readonly Answer[];
}

/** A room whose pages are read, in turn, as they say. */
function reading(feed: Feed, ...reads: (Read | Error)[]): { room: RoomHandle; kept: number[]; asked: object[] } {
  const kept: number[] = [];
  const asked: object[] = [];
  const request = async (_: string, fields: object) => {
    asked.push(fields);
    const read = reads.shift();
    if (!read || read instanceof Error) throw read;
    for (const event of read.before ?? []) feed.event(event);
    kept.push(feed.copy.coming.size);
    setTimeout(() => read.behind?.forEach((event) => void feed.event(event)));
    return read.page;
  };
  return { room: { feed, request, core: {} } as unknown as RoomHandle, kept, asked };
}

const reacted = (seq: number, target: number, more: object = {}) =>
  event(seq, "reaction.added", { target, emoji: "👍", ...more });
const reactions = (feed: Feed, seq: number) => feed.copy.find(seq)?.reactions;
const thumbs = (count: number, mine = false) => [{ emoji: "👍", count, mine }];

test("a page of older messages has what happens while it is on its way, once, whichever of the two comes first", async () => {
  for (const mine of [false, true]) {
    const who = mine ? { user: "mina", name: "Mina" } : {};
    const row = { ...sent(4), reactions: { "👍": 1 }, ...(mine && { mine: ["👍"] }) };
    const ahead = following(9, range(5, 9)); // the page was read after the reaction, and is here before it
    const after = { messages: [...range(1, 3), row], more: false, seq: 10 };
    await older(reading(ahead, { page: after, behind: [reacted(10, 4, who)] }).room);
    expect(reactions(ahead, 4)).toEqual(thumbs(1, mine));
    const late = following(9, range(5, 9)); // it was read before the reaction, and comes behind it
    const before = { messages: range(1, 4), more: false, seq: 9 };
    await older(reading(late, { page: before, before: [reacted(10, 4, who)] }).room);
    expect(reactions(late, 4)).toEqual(thumbs(1, mine));
    // The user's own are marked as of later than the page.
    const marked = following(9, range(5, 9));
    const page = { messages: [{ ...row, reactions: { "👍": 2 } }], more: true, seq: 9 };
    await older(reading(marked, { page, before: [reacted(10, 4, who)] }).room);
    expect(reactions(marked, 4)).toEqual(thumbs(3, mine));
  }
});

test("edits, pins, deletions, erasures and purges between pages are in them, too", async () => {
  const feed = following(9, range(7, 9));
  const happened = [
    event(10, "message.edited", { target: 1, text: "now", user: "bora" }),
    event(11, "message.pinned", { target: 2 }),
    event(12, "message.deleted", { target: 3 }),
    event(13, "member.erased", { user: "madang", name: "Madang", member: "chae", messages: true }),
    event(14, "room.purged", { user: "madang", name: "Madang", upto: 4 }),
  ];
  const page = { messages: [...range(1, 4), sent(5), sent(6, { user: "chae", name: "Chae" })], more: false, seq: 9 };
  const { room, asked } = reading(feed, { page, before: happened.slice(0, 3) }, { page: { ...page, messages: [] } });
  await older(room);
  expect(messages(feed.cell.getSnapshot()).slice(0, 3)).toMatchObject([
    { text: "now" },
    { pinned: true },
    { deleted: true },
  ]);
  await older(room);
  expect(asked).toHaveLength(1); // there is nothing older
  const purged = following(9, range(7, 9));
  await older(reading(purged, { page, before: happened.map((it, i) => ({ ...it, seq: 10 + i })) }).room);
  expect(messages(purged.cell.getSnapshot()).map(({ seq, deleted }) => [seq, deleted === true])).toEqual([
    [5, false],
    [6, true],
    [7, false],
    [8, false],
    [9, false],
  ]);
});

test("the end that is come back to has what came meanwhile, as it has become", async () => {
  const feed = following(9, range(5, 9));
  replace(
    feed.copy,
    range(1, 2).map((row) => feed.copy.message(row)),
    false,
    true,
  ); // the window is somewhere in the past
  const page = { messages: range(8, 10), more: true, seq: 10 };
  const meanwhile = [sent(10), sent(11), reacted(12, 11), event(13, "message.edited", { target: 10, text: "edited" })];
  const { room, kept } = reading(feed, new MadangError("internal", "No."), { page, before: meanwhile });
  await expect(newer(room)).rejects.toThrow("No.");
  await latest(room);
  expect(kinds(feed)).toEqual(["m8", "m9", "edited", "m11"]);
  expect(reactions(feed, 11)).toEqual(thumbs(1));
  expect([kept, feed.copy.coming.size]).toEqual([[1], 0]);
  expect(feed.cell.getSnapshot()).toMatchObject({ hasNewer: false, unread: 7 });
});

test("a page is asked for again where too much comes beside it, and where the copy begins again", async () => {
  const feed = following(9, range(5, 9));
  const many = Array.from({ length: 1_001 }, (_, i) => reacted(10 + i, 9, { emoji: `${i}` }));
  const page = { messages: range(1, 4), more: false, seq: 9 };
  const again = { ...page, seq: 1_010 };
  const { room, asked } = reading(feed, { page, before: many }, { page: again });
  await older(room);
  expect(asked).toHaveLength(2);
  expect(kinds(feed)).toEqual(range(1, 9).map(({ text }) => text));
  const reset = following(9, range(5, 9));
  const other = reading(
    reset,
    { page: { ...page, seq: 20 } },
    { page: { messages: range(1, 17), more: false, seq: 20 } },
  );
  const asking = older(other.room);
  await Promise.resolve();
  reset.frame({ op: "reset", room: "r", epoch: "e", seq: 20, events: range(18, 20) });
  await asking;
  expect(other.asked).toMatchObject([{ before: 5 }, { before: 18 }]);
  expect(kinds(reset)).toEqual(range(1, 20).map(({ text }) => text));
});

test("whoever follows a room is there, whatever the server has counted before it knew", async () => {
  const feed = following();
  feed.cell.subscribe(() => {});
  let answer: Answer = { users: { bora: "Bora" }, count: 1 };
  const core = { call: async () => answer, user: { id: "mina", name: "Mina" } } as unknown as Core;
  const shown = () => {
    const { online, onlineCount } = feed.cell.getSnapshot();
    return [online.map(({ name }) => name), onlineCount];
  };
  await present(core, feed);
  expect(shown()).toEqual([["Bora", "Mina"], 2]);
  feed.frame({ op: "presence", room: "r", count: 2, online: { mina: "Mina" }, offline: [] });
  expect(shown()).toEqual([["Bora", "Mina"], 2]);
  answer = { users: { bora: "Bora", mina: "Mina" }, count: 2 };
  await present(core, feed);
  expect(shown()).toEqual([["Bora", "Mina"], 2]);
  answer = { users: { bora: "Bora" }, count: 300 }; // a page of them
  await present(core, feed);
  expect(shown()[1]).toBe(300);
});

test("pins are as of the position, and loaded again where one is pinned that is not here", async () => {
  const feed = following(9, range(5, 9));
  const pin = (seq: number, more: object = {}) => sent(seq, { pinned: true, ...more });
  const { room, asked } = reading(
    feed,
    { page: { messages: [pin(2), pin(6)], more: true, seq: 9 }, before: [reacted(10, 2)] },
    { page: { messages: [pin(7, { reactions: { "👍": 1 } })], more: false, seq: 11 }, behind: [reacted(11, 7)] },
  );
  await loadPins(room);
  const shown = () => feed.cell.getSnapshot().pins?.map(({ seq, reactions }) => [seq, reactions[0]?.count ?? 0]);
  expect(shown()).toEqual([
    [2, 1],
    [6, 0],
    [7, 1],
  ]);
  const far = event(12, "message.pinned", { target: 3 });
  const next = reading(
    feed,
    { page: { messages: [pin(2)], more: false, seq: 11 }, before: [far] },
    { page: { messages: [pin(2), pin(3)], more: false, seq: 12 } },
  );
  await loadPins(next.room);
  expect([asked.length, next.asked.length, shown()?.map(([seq]) => seq)]).toEqual([2, 2, [2, 3]]);
  feed.event(event(13, "room.purged", { upto: 2 }));
  expect(shown()?.map(([seq]) => seq)).toEqual([3]);
});
