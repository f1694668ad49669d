// What can be done with a room: its menu.

import type { Client, Room, RoomSnapshot } from "madang";
import { muted, setMuted } from "../session/muted";
import "../ui/icons-more";
import { Menu, type MenuItem, type MenuProps } from "../ui/menu";
import { words } from "../words";
import { more } from "../words/more";
import { canSearch, handle, isNarrow, openDialog, togglePanel } from "./state";

export interface RoomMenuProps extends Omit<MenuProps, "items"> {
  client: Client;
  room: Room;
  snapshot: RoomSnapshot;
}

export function RoomMenu({ client, room, snapshot, ...open }: RoomMenuProps) {
  return <Menu {...open} items={entries(client, room, snapshot)} />;
}

function entries(client: Client, room: Room, snapshot: RoomSnapshot): MenuItem[] {
  const t = more.value.menu;
  const direct = snapshot.info?.access === "direct";
  const owner = snapshot.role === "owner";
  const moderates = owner || snapshot.role === "moderator";
  const quiet = muted.value.has(room.id);
  const narrow = isNarrow();
  const items: (MenuItem | false)[] = [
    narrow &&
      canSearch(client) && { label: words.value.header.search, icon: "search", onPick: () => togglePanel("search") },
    narrow && { label: t.pins, icon: "pin", onPick: () => togglePanel("pins") },
    narrow &&
      !direct && { label: t.invite, icon: "invite", onPick: () => openDialog({ kind: "invite", room: room.id }) },
    !direct && { label: t.settings, icon: "settings", onPick: () => openDialog({ kind: "room", room: room.id }) },
    {
      label: t.papers,
      icon: "note",
      onPick: () => openDialog({ kind: "papers", room: room.id, writes: snapshot.canWrite }),
    },
    { label: t.date, icon: "calendar", onPick: () => openDialog({ kind: "date" }) },
    { label: t.read, icon: "check", onPick: () => handle.current?.markRead() },
    { label: quiet ? t.unmute : t.mute, icon: quiet ? "bell" : "bellOff", onPick: () => setMuted(room.id, !quiet) },
    moderates &&
      !direct && {
        label: t.reports(snapshot.reports),
        icon: "flag",
        apart: true,
        onPick: () => togglePanel("reports"),
      },
    moderates &&
      !direct && { label: t.bans, icon: "shield", onPick: () => openDialog({ kind: "bans", room: room.id }) },
    owner && !direct && { label: t.audit, icon: "list", onPick: () => openDialog({ kind: "audit", room: room.id }) },
    {
      label: t.leave,
      icon: "door",
      danger: true,
      apart: true,
      onPick: () => openDialog({ kind: "leave", room: room.id }),
    },
  ];
  return items.filter((item) => item !== false);
}
