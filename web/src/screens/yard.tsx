// Inside: the list of rooms, the room, and the panel beside it, in columns or on phones one at a time.

import "../ui/icons-page";
import type { Client } from "madang";
import { useEffect } from "preact/hooks";
import { navigate, roomPath, route } from "../route";
import { lastRoom } from "../session/last-room";
import { idle, later } from "../ui/later";
import { words } from "../words";
import { ConnectionBanner } from "./banner";
import { Dialogs } from "./dialogs";
import { Notice } from "./notice";
import { RoomScreen } from "./room-screen";
import { RoomsList } from "./rooms-list";
import { handle, hasResults, isNarrow, panel } from "./state";

const Keys = later(() => import("./keys").then((it) => it.Keys));
const Paper = later(() => import("../paper/load").then((it) => it.load()));

/** What is opened sooner or later. */
const loadRest = () =>
  Promise.all([import("./panels"), import("./opened"), import("./room-menu"), import("./refused")]);

export function Yard({ client }: { client: Client }) {
  const { room, paper } = route.value;
  const Screen = paper === null ? RoomScreen : Paper;

  useEffect(() => idle(loadRest), []);
  useEffect(() => {
    if (room === null) hasResults.value = false;
    if (panel.value !== "search" || isNarrow()) panel.value = null; // what was found leads from room to room
    // Beside the list there is always a room; on phones the list is a screen of its own.
    if (room === null && !isNarrow()) navigate(roomPath(lastRoom()), { replace: true });
  }, [room]);

  return (
    <div class="app" data-screen={room === null ? "rooms" : "room"} data-panel={panel.value ?? undefined}>
      {room !== null && (
        // biome-ignore lint/a11y/useValidAnchor: it is a link to a place of this page, and the list alone knows which row has its focus
        <a
          class="skip"
          href="#messages"
          onClick={(event) => {
            event.preventDefault();
            handle.current?.focusList();
          }}
        >
          {words.value.skip}
        </a>
      )}
      <ConnectionBanner client={client} />
      {room === null ? (
        <main class="rooms-screen">
          <RoomsList client={client} heading />
        </main>
      ) : (
        <>
          <RoomsList client={client} />
          <Screen key={paper ?? room} client={client} id={room} paper={paper} />
        </>
      )}
      <Dialogs client={client} />
      <Notice />
      <Keys />
    </div>
  );
}
