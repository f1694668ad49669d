// What is read out: messages that arrive live while the reader is at the newest. Not their own, and nothing of history.

import type { Item, RoomSnapshot } from "madang";
import { useEffect, useRef } from "preact/hooks";
import { Announcer, type AnnouncerHandle, type Heard as Message } from "./list/Announcer";
import type { ListHandle } from "./list/MessageList";

export interface HeardProps {
  snapshot: RoomSnapshot;
  me: string | null;
  which: "all" | "mentions" | "none";
  announcer: { current: AnnouncerHandle | null };
  list: { current: ListHandle | null };
}

export function Heard({ snapshot, me, which, announcer, list }: HeardProps) {
  const before = useRef<RoomSnapshot | null>(null);
  useEffect(() => {
    const old = before.current;
    before.current = snapshot;
    const live = old?.phase === "live" && snapshot.phase === "live" && old.epoch === snapshot.epoch;
    if (!live || snapshot.hasNewer || old.hasNewer || snapshot.seq <= old.seq) return;
    if (which === "none" || document.hidden || !list.current?.atBottom()) return;
    announcer.current?.hear(fresh(snapshot.items, old.seq, me, which === "mentions"));
  }, [snapshot]);
  return <Announcer handle={announcer} />;
}

function fresh(items: readonly Item[], after: number, me: string | null, mentions: boolean): Message[] {
  const heard: Message[] = [];
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i];
    if (!item || item.kind === "hole") break;
    if (item.seq === null) continue;
    if (item.seq <= after) break;
    if (item.kind !== "message" || item.user === me || item.deleted) continue;
    if (!mentions || (me !== null && item.mentions.includes(me))) heard.unshift({ name: item.name, text: item.text });
  }
  return heard;
}
