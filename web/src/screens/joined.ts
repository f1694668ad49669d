// A room that somebody has opened: it is joined, with the invite that came with its address.

import type { Client, Room, RoomSnapshot } from "madang";
import { useEffect, useState } from "preact/hooks";
import { useStore } from "../room/useStore";
import { takeInvite } from "../route";
import { forgetLastRoom, keepLastRoom } from "../session/last-room";

export interface Joined {
  room: Room;
  snapshot: RoomSnapshot;
  /** Try again to join. */
  again: () => void;
}

export function useJoined(client: Client, id: string): Joined {
  const room = client.room(id);
  const snapshot = useStore(room.store);
  const [attempts, setAttempts] = useState(0);

  useEffect(() => {
    const invite = takeInvite(id);
    // What came of it is in the store.
    client
      .room(id, invite === null ? {} : { invite })
      .join()
      .catch(() => undefined);
  }, [client, id, attempts]);

  useEffect(() => {
    if (snapshot.phase === "live") keepLastRoom(id);
    else if (snapshot.phase === "refused") forgetLastRoom(id);
  }, [id, snapshot.phase]);

  return { room, snapshot, again: () => setAttempts((n) => n + 1) };
}
