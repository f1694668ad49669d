// The room's title, and what can be opened from there. On phones most of it is in the menu.

import type { Client, Room, RoomSnapshot } from "madang";
import { navigate } from "../route";
import { IconButton } from "../ui/button";
import { later } from "../ui/later";
import { MenuButton } from "../ui/menu-button";
import { words } from "../words";
import { badge, number } from "../words/format";
import { canSearch, openDialog, panel, togglePanel } from "./state";

const RoomMenu = later(() => import("./room-menu").then((it) => it.RoomMenu));

export interface RoomHeaderProps {
  client: Client;
  room: Room;
  snapshot: RoomSnapshot;
  title: string;
}

export function RoomHeader({ client, room, snapshot, title }: RoomHeaderProps) {
  const t = words.value.header;
  const direct = snapshot.info?.access === "direct";
  const moderates = snapshot.role === "owner" || snapshot.role === "moderator";
  const here = snapshot.phase === "live" ? Math.max(1, snapshot.onlineCount) : null; // oneself, before the server says so
  return (
    <header class="head">
      <IconButton class="head-back" label={t.back} icon="back" onClick={() => navigate("/")} />
      <h1 class="cut grow">
        <bdi>{title}</bdi>
      </h1>
      {moderates && snapshot.reports > 0 && (
        <IconButton
          class="head-reports"
          label={t.reports(snapshot.reports)}
          icon="flag"
          text={badge(snapshot.reports)}
          pressed={panel.value === "reports"}
          onClick={() => togglePanel("reports")}
        />
      )}
      {canSearch(client) && (
        <IconButton
          class="head-wide"
          label={t.search}
          icon="search"
          pressed={panel.value === "search"}
          onClick={() => togglePanel("search")}
        />
      )}
      <IconButton
        class="head-wide"
        label={t.pins}
        icon="pin"
        pressed={panel.value === "pins"}
        onClick={() => togglePanel("pins")}
      />
      <IconButton
        label={t.members(here === null ? null : number(here))}
        icon="people"
        text={here === null ? undefined : number(here)}
        pressed={panel.value === "members"}
        onClick={() => togglePanel("members")}
      />
      {!direct && (
        <IconButton
          class="head-wide"
          label={t.invite}
          icon="invite"
          popup="dialog"
          onClick={() => openDialog({ kind: "invite", room: room.id })}
        />
      )}
      <MenuButton label={t.menu} icon="more">
        {(open) => <RoomMenu {...open} client={client} room={room} snapshot={snapshot} />}
      </MenuButton>
    </header>
  );
}
