// What rooms are called, and the icon beside it. A direct room has no title: it is called as the other of its two users.

import type { RoomInfo, RoomSummary } from "madang";
import type { IconName } from "../ui/icon";
import { signal } from "../ui/signals";
import { words } from "../words";
import { load } from "./kept";
import { client } from "./session";

/** Who is in direct rooms, by room: empty is who was deleted, null who has left without a word. */
export const peers = signal<ReadonlyMap<string, string | null>>(new Map());

/** Return what to call a room; of a direct one the other's name, once it is known: until then, as it was called here the last time. */
export function titleOf(room: Pick<RoomSummary | RoomInfo, "id" | "title" | "access"> & { peer?: string }): string {
  if (room.access !== "direct") return room.title || room.id;
  const name = peers.value.get(room.id);
  if (name === "") return words.value.deletedUser;
  return name ?? keptPeer(room.id) ?? words.value.rooms.direct;
}

export const keyOf = (room: string) => client.peek()?.storageKey(`peer.${room}`) ?? "";
export const keptPeer = (room: string): string | null => load(keyOf(room), "") || null;

/** Return the icon beside a room's title. */
export const iconOf = (room: RoomSummary): IconName =>
  room.archived ? "archive" : room.access === "direct" ? "message" : room.access === "invite" ? "lock" : "hash";
