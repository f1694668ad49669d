// An open paper: its header, what can be done with it, and what is written in it.

import type { RoomSnapshot } from "madang";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useExtras } from "../room/useExtras";
import { handle, isNarrow } from "../screens/state";
import { ended } from "../session/session";
import { language } from "../words";
import { dateTime } from "../words/format";
import { Bar } from "./Bar";
import type { OpenPaper } from "./OpenPaper";
import { PaperHeader } from "./PaperHeader";
import type { PaperInfo } from "./papers";
import { aboutOf, kindOf } from "./roots";
import { Sheet, sumOf, useAdding, type View, ViewChoice } from "./Sheet";
import { TextPage } from "./TextPage";
import { useChanges } from "./useChanges";

export function PaperView({ paper, info, snapshot }: { paper: OpenPaper; info: PaperInfo; snapshot: RoomSnapshot }) {
  const adding = useAdding(paper);
  const [view, pick] = useState<View>(isNarrow() ? "list" : "sheet");
  const main = useRef<HTMLElement>(null);
  useChanges(aboutOf(paper.doc));
  useHandle(main);
  const kind = kindOf(paper.doc);
  const readOnly = useExtras()?.whyReadOnly(language.value, snapshot, dateTime) ?? null;
  const writes = snapshot.canWrite && !info.finished && !ended.value;
  const moderates = snapshot.role === "owner" || snapshot.role === "moderator";
  return (
    <main
      ref={main}
      class="main paper"
      id="messages"
      tabIndex={-1}
      data-kind={kind}
      data-finished={info.finished ? "" : undefined}
    >
      <PaperHeader paper={paper} info={info} writes={writes} moderates={moderates} />
      <Bar
        paper={paper}
        info={info}
        writes={writes}
        why={info.finished ? null : readOnly}
        sum={kind === "notes" ? sumOf(paper) : ""}
        {...(kind === "notes" ? { onAdd: adding.add } : {})}
      >
        {kind === "notes" && <ViewChoice view={view} onPick={pick} />}
      </Bar>
      {kind === "notes" ? (
        <Sheet paper={paper} view={view} writes={writes} moderates={moderates} fresh={adding.fresh} />
      ) : (
        <TextPage paper={paper} writes={writes} />
      )}
    </main>
  );
}

/** What keys and links of the page do here that are for the room's messages elsewhere. */
function useHandle(main: { current: HTMLElement | null }): void {
  useLayoutEffect(() => {
    const nothing = () => undefined;
    handle.current = {
      focusComposer: () => main.current?.querySelector<HTMLElement>(".paper-text .writing-box")?.focus(),
      focusList: () => main.current?.focus(),
      mention: nothing,
      jump: nothing,
      markRead: nothing,
    };
    return () => {
      handle.current = null;
    };
  }, []);
}
