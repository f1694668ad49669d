// Which panel is which, and the way back to one.

import "../ui/icons-more";
import type { Client, Room, RoomSnapshot } from "madang";
import { MembersPanel } from "./members";
import { PinsPanel } from "./pins";
import { ReportsPanel } from "./reports";
import { SearchPanel } from "./search";
import { panel } from "./state";

export { Results } from "./results";

export function Panels({ client, room, snapshot }: { client: Client; room: Room; snapshot: RoomSnapshot }) {
  switch (panel.value) {
    case "search":
      return <SearchPanel client={client} room={room} />;
    case "members":
      return <MembersPanel client={client} room={room} snapshot={snapshot} />;
    case "pins":
      return <PinsPanel room={room} snapshot={snapshot} />;
    case "reports":
      return <ReportsPanel room={room} snapshot={snapshot} />;
    case null:
      return null;
  }
}
