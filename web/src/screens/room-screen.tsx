// One room: its header, what is said there, and the panel beside it. Where the room is not open to the user it says why.

import type { Client } from "madang";
import { useEffect, useMemo, useState } from "preact/hooks";
import { RoomView } from "../room/RoomView";
import { useStore } from "../room/useStore";
import { roomLink, route, takeInvite } from "../route";
import { forgetLastRoom, keepLastRoom } from "../session/last-room";
import { prefs } from "../session/prefs";
import { connection, ended, me, rooms, signInAgain } from "../session/session";
import { titleOf } from "../session/titles";
import { Button, IconButton } from "../ui/button";
import { later } from "../ui/later";
import { language, roomWords, words } from "../words";
import { RoomHeader } from "./room-header";
import { handle, hasResults, panel } from "./state";

const Refused = later(() => import("./refused").then((it) => it.Refused));
const Panels = later(() => import("./panels").then((it) => it.Panels));

const MAX_TEXT = 4000; // until the server has said its own

export function RoomScreen({ client, id }: { client: Client; id: string }) {
  const room = useMemo(() => client.room(id), [client, id]);
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

  const user = me.value;
  const { seq } = route.value;
  const target = useMemo(() => (seq === null ? null : { to: seq }), [seq, route.value]);
  const summary = rooms.value.rooms.find((each) => each.id === id);
  const title = summary ? titleOf(summary) : snapshot.info ? titleOf(snapshot.info) : id;
  const { enterSends, hours24, announce } = prefs.value;

  if (snapshot.phase === "refused" || snapshot.phase === "left")
    return <Refused snapshot={snapshot} again={() => setAttempts((n) => n + 1)} />;
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

/** The way back to what was found, for screens that show either that or the message. */
function Results() {
  return (
    <div class="back-to-results">
      <Button
        kind="quiet"
        icon="back"
        onClick={() => {
          panel.value = "search";
        }}
      >
        {words.value.header.results}
      </Button>
      <IconButton
        label={words.value.close}
        icon="close"
        onClick={() => {
          hasResults.value = false;
        }}
      />
    </div>
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
