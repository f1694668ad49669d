// What rooms are called. A direct room has no title: it is called as the other of its two users.

import type { RoomInfo, RoomSummary } from "madang";
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
