// What direct rooms are called: as the other of their two users, or as they were called when they left.

import type { Room } from "madang";
import { route } from "../route";
import { effect } from "../ui/signals";
import { api } from "./api";
import { keep } from "./kept";
import { client, rooms } from "./session";
import { keptPeer, keyOf, peers } from "./titles";

interface Said {
  readonly user: string;
  readonly name: string;
}

const asked = new Map<string, string>(); // whose name is known of a direct room; empty while it is not

/** Learn the other's name of each direct room in the list, and when they are deleted, as far as a room in view tells. */
export function followPeers(): void {
  effect(() => {
    for (const { id, access } of rooms.value.rooms) if (access === "direct") void ask(id);
  });
  effect(() => {
    const { room } = route.value;
    if (!client.value || !room) return;
    if (asked.delete(room)) void ask(room); // what has happened while it was not in view
    const gone = new AbortController();
    void hear(client.value.room(room), gone.signal);
    return () => gone.abort();
  });
}

/** Forget the names of those of whom a room tells that they were deleted. */
async function hear(room: Room, signal: AbortSignal): Promise<void> {
  for await (const event of room.events({ signal })) {
    if (event.type !== "member.erased") continue;
    for (const [direct, user] of asked) if (user === event.member) call(direct, "");
  }
}

function call(room: string, name: string | null): void {
  peers.value = new Map(peers.peek()).set(room, name);
  if (name !== null) keep(keyOf(room), name);
}

async function ask(room: string): Promise<void> {
  const { user, token } = client.peek() ?? {};
  if (asked.has(room) || !user || !token) return;
  asked.set(room, "");
  try {
    const other = await otherOf(room, user.id, token);
    if (other) asked.set(room, other.user);
    call(room, other?.name ?? keptPeer(room));
  } catch {
    asked.delete(room); // again when the list is another
  }
}

/** Return whoever in a direct room is not `me`: without a name if they were deleted; nothing if nothing there names them. */
async function otherOf(room: string, me: string, token: string): Promise<Said | undefined> {
  const get = <T>(what: string) => api<T>("GET", `/api/rooms/${room}/${what}`, undefined, token);
  const isOther = ({ user }: Said) => user !== me;
  const { members } = await get<{ members: Said[] }>("members");
  const there = members.find(isOther);
  if (there) return there;
  const { messages } = await get<{ messages: Said[] }>("messages?limit=200"); // of whoever was deleted, these name nobody
  return messages.findLast(isOther);
}
