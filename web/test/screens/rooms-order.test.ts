import type { RoomSummary } from "madang";
import { expect, it } from "vitest";
import { held, neighbour, ordered } from "../../src/screens/rooms-order";

const room = (id: string, more: Partial<RoomSummary> = {}): RoomSummary => ({
  id,
  title: id,
  access: "open",
  role: "member",
  seq: 1,
  readSeq: 1,
  unread: 0,
  mentions: 0,
  archived: false,
  lastAt: null,
  ...more,
});
const ids = (rooms: readonly RoomSummary[]) => rooms.map(({ id }) => id).join(" ");

const rooms = [
  room("old", { archived: true, lastAt: "2026-11-22T09:09:00Z" }),
  room("quiet"),
  room("busy", { lastAt: "2026-11-22T09:05:00Z", unread: 2 }),
  room("asked", { lastAt: "2026-11-22T09:00:00Z", unread: 3, mentions: 1 }),
  room("early", { lastAt: "2026-11-22T08:00:00Z" }),
];

it("puts mentions first, then what happened last; archived rooms come last", () => {
  expect(ids(ordered(rooms, new Set()))).toBe("asked busy early quiet old");
});

it("does not lift a muted room for its mentions", () => {
  expect(ids(ordered(rooms, new Set(["asked"])))).toBe("busy asked early quiet old");
});

it("keeps an order, with new rooms at the end", () => {
  expect(ids(held(rooms, ["early", "busy", "quiet", "asked"]))).toBe("early busy quiet asked old");
});

it("walks round and round, and to unread rooms alone", () => {
  const list = ordered(rooms, new Set());
  expect(neighbour(list, "asked", 1, false)).toBe("busy");
  expect(neighbour(list, "asked", -1, false)).toBe("old");
  expect(neighbour(list, null, 1, false)).toBe("asked");
  expect(neighbour(list, null, -1, false)).toBe("old");
  expect(neighbour(list, "quiet", 1, true)).toBe("asked");
  expect(neighbour(list, "quiet", -1, true)).toBe("busy");
  expect(neighbour([room("alone", { unread: 1 })], "alone", 1, true)).toBeNull();
  expect(neighbour([], null, 1, false)).toBeNull();
});
