// A paper of a room, from its address on: the room is joined, the paper found and opened. Where that cannot be, it says why.

import "../ui/icons-more";
import type { Client, RoomSnapshot } from "madang";
import { useEffect, useState } from "preact/hooks";
import { navigate, roomPath } from "../route";
import { say } from "../screens/attempt";
import { useJoined } from "../screens/joined";
import { Refused } from "../screens/refused";
import type { ScreenProps } from "../screens/room-screen";
import { panel } from "../screens/state";
import { explain } from "../session/explain";
import { ended } from "../session/session";
import { shownTitle } from "../session/title";
import { Button, IconButton } from "../ui/button";
import { Joy } from "./Joy";
import { OpenPaper } from "./OpenPaper";
import { PaperView } from "./PaperView";
import { type PaperInfo, paperPath, takeKind } from "./papers";
import { roots, setKind } from "./roots";
import { usePaperInfo } from "./usePaperInfo";
import { paperWords } from "./words";

export function PaperScreen({ client, id, paper: asked }: ScreenProps) {
  const paper = asked ?? ""; // there is one, or the room itself were shown
  const { room, snapshot, again } = useJoined(client, id);
  const { info, failed, finishedNow } = usePaperInfo(room, paper, snapshot.phase === "live");
  const t = paperWords.value;

  useEffect(() => {
    shownTitle.value = info?.title ?? null;
    return () => {
      shownTitle.value = null;
    };
  }, [info?.title]);
  useEffect(() => {
    panel.value = null; // there is none beside a paper
  }, []);
  useEffect(() => {
    if (info && info.room !== id) navigate(paperPath(info.room, paper), { replace: true });
  }, [info?.room, id, paper]);

  if (snapshot.phase === "refused" || snapshot.phase === "left") return <Refused snapshot={snapshot} again={again} />;
  if (failed) return <Closed what={failed.code === "not_found" ? t.gone : explain(failed)} room={id} />;
  if (!info) return <Opening room={id} />;
  return (
    <>
      <Opened client={client} info={info} snapshot={snapshot} />
      {finishedNow && <Joy />}
    </>
  );
}

/** A paper that was found, and while it is shown is followed. */
function Opened({ client, info, snapshot }: { client: Client; info: PaperInfo; snapshot: RoomSnapshot }) {
  const paper = useOpenPaper(client, info);
  const t = paperWords.value;
  if (!paper || paper.phase.value === "loading") return <Opening room={info.room} />;
  if (paper.phase.value === "closed" && !ended.value) {
    const what = paper.closedBy.value === 4404 ? t.gone : t.closed;
    return <Closed what={what} room={info.room} />;
  }
  return <PaperView paper={paper} info={info} snapshot={snapshot} />;
}

/** Return the document of a paper, while it is shown. What came too late to be taken goes: all see the same. */
function useOpenPaper(client: Client, { id, finished }: PaperInfo): OpenPaper | null {
  const [paper, setPaper] = useState<OpenPaper | null>(null);
  const [attempts, setAttempts] = useState(0);
  useEffect(() => {
    const opened = new OpenPaper(id, () => client.token, roots);
    setPaper(opened);
    return () => opened.close();
  }, [client, id, attempts]);

  const phase = paper?.phase.value;
  useEffect(() => {
    const kind = phase === "open" ? takeKind(id) : undefined;
    if (paper && kind) setKind(paper, kind);
  }, [paper, phase, id]);

  const denied = paper?.denied.value;
  const lost = denied != null && paper?.stored.all.value === false;
  useEffect(() => {
    if (!lost || !finished) return;
    say(paperWords.value.tooLate, true);
    setAttempts((n) => n + 1);
  }, [lost, finished]);
  return paper;
}

function Opening({ room }: { room: string }) {
  return (
    <main class="main paper" id="messages" tabIndex={-1}>
      <header class="head paper-head">
        <IconButton label={paperWords.value.back} icon="back" onClick={() => navigate(roomPath(room))} />
        <h1 class="cut grow">{paperWords.value.loading}</h1>
      </header>
    </main>
  );
}

function Closed({ what, room }: { what: string; room: string }) {
  return (
    <main class="main empty" id="messages" tabIndex={-1}>
      <h1>{what}</h1>
      <div class="empty-ways">
        <Button kind="primary" onClick={() => navigate(roomPath(room))}>
          {paperWords.value.back}
        </Button>
      </div>
    </main>
  );
}
