// The order of the rooms: mentions first, then what happened last; and the order stays as it is while somebody points at the list.

import type { RoomSummary } from "madang";

export function ordered(rooms: readonly RoomSummary[], muted: ReadonlySet<string>): RoomSummary[] {
  const mentions = (room: RoomSummary) => (room.mentions > 0 && !muted.has(room.id) ? 1 : 0);
  const last = (room: RoomSummary) => (room.lastAt === null ? 0 : Date.parse(room.lastAt));
  return [...rooms].sort(
    (a, b) =>
      Number(a.archived) - Number(b.archived) || mentions(b) - mentions(a) || last(b) - last(a) || compare(a.id, b.id),
  );
}

/** Return the rooms in the order that the ids have; those that it does not name come last. */
export function held(rooms: readonly RoomSummary[], order: readonly string[]): RoomSummary[] {
  const place = new Map(order.map((id, index) => [id, index]));
  return [...rooms].sort((a, b) => (place.get(a.id) ?? order.length) - (place.get(b.id) ?? order.length));
}

/** Return the room after or before this one, round and round; only among those with something unread, if asked. */
export function neighbour(
  rooms: readonly RoomSummary[],
  current: string | null,
  step: 1 | -1,
  unreadOnly: boolean,
): string | null {
  const start = rooms.findIndex((room) => room.id === current);
  for (let i = 1; i <= rooms.length; i++) {
    const at = start < 0 ? (step > 0 ? i - 1 : rooms.length - i) : start + i * step;
    const room = rooms[((at % rooms.length) + rooms.length) % rooms.length];
    if (room && room.id !== current && (!unreadOnly || room.unread > 0)) return room.id;
  }
  return null;
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
