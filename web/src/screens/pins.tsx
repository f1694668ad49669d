// The pinned messages of a room, the newest first.

import type { Room, RoomSnapshot } from "madang";
import { useEffect } from "preact/hooks";
import { Button } from "../ui/button";
import { more } from "../words/more";
import { attempt } from "./attempt";
import { Excerpt } from "./excerpt";
import { Panel } from "./panel";

export function PinsPanel({ room, snapshot }: { room: Room; snapshot: RoomSnapshot }) {
  const t = more.value.pins;
  const moderates = snapshot.role === "owner" || snapshot.role === "moderator";
  useEffect(() => void attempt(room.loadPins()), [room]);
  const { pins } = snapshot;
  return (
    <Panel title={t.title}>
      {pins === null && <p class="hint">{more.value.loading}</p>}
      {pins?.length === 0 && (
        <>
          <p>{t.none}</p>
          <p class="hint">{t.hint}</p>
        </>
      )}
      <ul class="excerpts">
        {pins?.toReversed().map(
          (message) =>
            message.seq !== null && (
              <Excerpt
                key={message.key}
                room={room.id}
                seq={message.seq}
                user={message.user}
                name={message.name}
                at={message.at}
                text={message.text}
                go={t.go}
              >
                {moderates && (
                  <Button kind="link" onClick={() => void attempt(room.pin(message.seq ?? 0, false))}>
                    {t.unpin}
                  </Button>
                )}
              </Excerpt>
            ),
        )}
      </ul>
    </Panel>
  );
}
