// A sheet of notes, or the same notes as a list: one list of the page in two forms.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { me } from "../session/session";
import { hueOf } from "../ui/avatar";
import { IconButton } from "../ui/button";
import { NoteCard } from "./NoteCard";
import { addNote, GAP, HEIGHT, type Note, notesIn, notesOf, onSheet } from "./notes";
import type { OpenPaper, Other } from "./OpenPaper";
import { useChanges } from "./useChanges";
import { paperWords } from "./words";

export type View = "sheet" | "list";

export interface SheetProps {
  paper: OpenPaper;
  view: View;
  writes: boolean;
  moderates: boolean;
  /** The note to begin in. */
  fresh: string | null;
}

/** Return how to put up a note, and the one that was put up last. */
export function useAdding(paper: OpenPaper): { fresh: string | null; add: () => void } {
  const [fresh, setFresh] = useState<string | null>(null);
  const add = () => {
    if (me.value) setFresh(addNote(paper, me.value));
  };
  return { fresh, add };
}

/** Return how many notes there are, and of how many people. */
export function sumOf({ doc }: OpenPaper): string {
  const notes = notesIn(doc);
  return paperWords.value.sum(notes.length, new Set(notes.map((note) => note.by)).size);
}

export function ViewChoice({ view, onPick }: { view: View; onPick: (view: View) => void }) {
  const t = paperWords.value;
  return (
    <fieldset class="paper-view" aria-label={t.view}>
      <IconButton label={t.asSheet} icon="sheet" pressed={view === "sheet"} onClick={() => onPick("sheet")} />
      <IconButton label={t.asList} icon="list" pressed={view === "list"} onClick={() => onPick("list")} />
    </fieldset>
  );
}

export function Sheet({ paper, view, writes, moderates, fresh }: SheetProps) {
  useChanges(notesOf(paper.doc));
  const t = paperWords.value;
  const notes = notesIn(paper.doc);
  const sheet = useRef<HTMLUListElement>(null);
  usePointer(paper, sheet, view === "sheet");
  useSize(sheet, notes, view);

  if (notes.length === 0)
    return (
      <div class="paper-body sheet-empty">
        <p>{writes ? t.empty : t.emptyFinished}</p>
      </div>
    );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and there may be nothing in it that takes the focus
    <section class="paper-body" aria-label={t.notes} tabIndex={0}>
      <ul ref={sheet} class="sheet" data-view={view}>
        {notes.map((note) => (
          <NoteCard
            key={note.id}
            paper={paper}
            note={note}
            view={view}
            writes={writes && (moderates || note.by === me.value?.id)}
            focus={note.id === fresh}
          />
        ))}
        {view === "sheet" && paper.others.value.map((other) => <Pointer key={other.client} other={other} />)}
      </ul>
    </section>
  );
}

/** As large as its notes need it. */
function useSize(sheet: { current: HTMLUListElement | null }, notes: readonly Note[], view: View): void {
  useLayoutEffect(() => {
    const element = sheet.current;
    if (!element) return;
    let right = 0;
    let bottom = 0;
    for (const card of view === "sheet" ? element.querySelectorAll<HTMLElement>(".note") : []) {
      right = Math.max(right, card.offsetLeft + card.offsetWidth);
      bottom = Math.max(bottom, card.offsetTop + card.offsetHeight);
    }
    element.style.setProperty("--right", `${right + GAP}px`);
    element.style.setProperty("--bottom", `${bottom + HEIGHT / 2}px`);
  }, [notes, view]);
}

const RESTS_MS = 4000;

/** Show the others where one points at. */
function usePointer(paper: OpenPaper, sheet: { current: HTMLUListElement | null }, shown: boolean): void {
  useEffect(() => {
    const element = sheet.current;
    if (!element || !shown) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const gone = () => paper.show({ pointer: null });
    const move = (event: PointerEvent) => {
      if (event.pointerType !== "mouse") return; // a finger covers what it points at
      const { left, top } = element.getBoundingClientRect();
      paper.show({ pointer: onSheet(event.clientX - left, event.clientY - top) });
      clearTimeout(timer);
      timer = setTimeout(gone, RESTS_MS);
    };
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerleave", gone);
    return () => {
      clearTimeout(timer);
      gone();
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerleave", gone);
    };
  }, [paper, shown, sheet.current]);
}

function Pointer({ other }: { other: Other }) {
  const ref = useRef<HTMLLIElement>(null);
  const at = other.pointer && onSheet(other.pointer.x, other.pointer.y);
  useLayoutEffect(() => {
    if (at) ref.current?.style.setProperty("transform", `translate(${at.x}px, ${at.y}px)`);
  }, [at?.x, at?.y]);
  if (!at) return null;
  return (
    <li ref={ref} class="pointer" data-hue={hueOf(other.id)} aria-hidden="true">
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d="M2 1.5l4.5 12 2-5 5-2z" />
      </svg>
      <span>{other.name}</span>
    </li>
  );
}
