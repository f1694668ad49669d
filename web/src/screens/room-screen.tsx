// One room: its header, what is said there, and the panel beside it. Where the room is not open to the user it says why.

import type { Client } from "madang";
import { useMemo } from "preact/hooks";
import { RoomView } from "../room/RoomView";
import { roomLink, route } from "../route";
import { prefs } from "../session/prefs";
import { connection, ended, me, rooms, signInAgain } from "../session/session";
import { titleOf } from "../session/titles";
import { Button } from "../ui/button";
import { later } from "../ui/later";
import { language, roomWords, words } from "../words";
import { useJoined } from "./joined";
import { RoomHeader } from "./room-header";
import { handle, hasResults, panel } from "./state";

const Refused = later(() => import("./refused").then((it) => it.Refused));
const Results = later(() => import("./panels").then((it) => it.Results));
const Panels = later(() => import("./panels").then((it) => it.Panels));

const MAX_TEXT = 4000; // until the server has said its own

export interface ScreenProps {
  client: Client;
  id: string;
  /** The room's paper to show instead. */
  paper: string | null;
}

export function RoomScreen({ client, id }: ScreenProps) {
  const { room, snapshot, again } = useJoined(client, id);
  const user = me.value;
  const { seq } = route.value;
  const target = useMemo(() => (seq === null ? null : { to: seq }), [seq, route.value]);
  const summary = rooms.value.rooms.find((each) => each.id === id);
  const title = summary ? titleOf(summary) : snapshot.info ? titleOf(snapshot.info) : id;
  const { enterSends, hours24, announce } = prefs.value;

  if (snapshot.phase === "refused" || snapshot.phase === "left") return <Refused snapshot={snapshot} again={again} />;
  return (
    <>
      <main class="main" id="messages" tabIndex={-1}>
        <RoomHeader client={client} room={room} snapshot={snapshot} title={title} />
        {hasResults.value && <Results />}
        {user && ( // what is kept on this device is theirs
          <RoomView
            room={room}
            me={user.id}
            title={title}
            language={language.value}
            words={roomWords.value}
            {...(hours24 ? { hour12: false } : {})}
            limit={client.server?.maxText ?? MAX_TEXT}
            enterBreaks={!enterSends}
            announce={announce}
            offline={connection.value.phase !== "connected" && connection.value.reason === "offline"}
            instead={ended.value ? <SignInAgain /> : undefined}
            draftKey={client.storageKey(`draft.${id}`)}
            target={target}
            linkTo={(message) => `${roomLink(id)}/${message}`}
            handle={handle}
          />
        )}
      </main>
      {panel.value && <Panels client={client} room={room} snapshot={snapshot} />}
    </>
  );
}

function SignInAgain() {
  return (
    <div class="instead">
      <Button kind="primary" onClick={() => void signInAgain()}>
        {words.value.signIn.again}
      </Button>
    </div>
  );
}
