// What direct rooms are called: as the other of their two users, or as they were called when they left.

import type { Room, RoomSummary } from "madang";
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

const asked = new Map<string, { user: string; seq: number }>(); // of whom in a direct room, as of which seq; no user while it is not known
const heard = new Set<string>();

/** Learn the other's name of each direct room in the list, and when they are deleted. */
export function followPeers(): void {
  effect(() => {
    if (!client.value) return;
    const gone = new AbortController();
    const hearOnce = (id: string) => {
      if (heard.has(id)) return;
      heard.add(id);
      void hear(client.peek()?.room(id), gone.signal);
    };
    const end = effect(() => {
      for (const row of rooms.value.rooms) {
        if (row.access !== "direct") continue;
        look(row);
        hearOnce(row.id); // of those that are followed; of the others the list tells
      }
      const { room } = route.value;
      if (room) hearOnce(room);
    });
    return () => {
      end();
      gone.abort();
      heard.clear();
    };
  });
  effect(() => {
    const { room } = route.value;
    if (client.value && room && asked.delete(room)) void ask(room); // what has happened while it was not in view
  });
}

/** Ask whose a direct room is, unless that is known: again when there is nobody there, and something has happened. */
function look({ id, peer, seq }: RoomSummary): void {
  const known = asked.get(id);
  const followed = client.peek()?.room(id).store.getSnapshot().phase === "live";
  if (!known || (peer === undefined && !followed && seq > known.seq && peers.peek().get(id) !== "")) void ask(id, seq);
}

/** Forget the names of those of whom a room tells that they were deleted. */
async function hear(room: Room | undefined, signal: AbortSignal): Promise<void> {
  for await (const event of room?.events({ signal }) ?? []) {
    if (event.type !== "member.erased") continue;
    for (const [direct, { user }] of asked) if (user === event.member) call(direct, "");
  }
}

function call(room: string, name: string | null): void {
  peers.value = new Map(peers.peek()).set(room, name);
  if (name !== null) keep(keyOf(room), name);
}

async function ask(room: string, seq = 0): Promise<void> {
  const { user, token } = client.peek() ?? {};
  if (!user || !token) return;
  asked.set(room, { user: "", seq });
  try {
    const other = await otherOf(room, user.id, token);
    if (other) asked.set(room, { user: other.user, seq });
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
