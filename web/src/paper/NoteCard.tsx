// One note: on the sheet it lies at its place and is moved by its head, with the pointer or with the arrow keys.

import type { TargetedPointerEvent } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { say } from "../screens/attempt";
import { me } from "../session/session";
import { hueOf } from "../ui/avatar";
import { IconButton } from "../ui/button";
import { Confirm } from "../ui/dialog";
import { Icon } from "../ui/icon";
import { words } from "../words";
import { number } from "../words/format";
import { COLOURS, changeNote, LEAP, type Note, onSheet, removeNote, STEP } from "./notes";
import type { OpenPaper } from "./OpenPaper";
import type { View } from "./Sheet";
import { Writing } from "./Writing";
import { Written } from "./Written";
import { paperWords } from "./words";

export interface NoteCardProps {
  paper: OpenPaper;
  note: Note;
  view: View;
  writes: boolean;
  focus: boolean;
}

export function NoteCard({ paper, note, view, writes, focus }: NoteCardProps) {
  const t = paperWords.value;
  const card = useRef<HTMLLIElement>(null);
  const [asking, setAsking] = useState(false);
  const name = note.name || words.value.deletedUser;
  const drag = useDrag(paper, note);
  const here = paper.others.value.filter(({ id, cursor }) => cursor?.field === note.id && id !== me.value?.id);
  const writer = here[0];

  useLayoutEffect(() => {
    card.current?.style.setProperty("--x", `${note.x}px`);
    card.current?.style.setProperty("--y", `${note.y}px`);
  }, [note.x, note.y]);
  useLayoutEffect(() => {
    if (focus) card.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, []);

  function remove(): void {
    removeNote(paper, note.id);
    say(t.removed);
    // The card takes the focus with it, once it has gone.
    setTimeout(() => document.querySelector<HTMLElement>(".paper-bar button")?.focus());
  }

  return (
    <li
      ref={card}
      class="note"
      data-colour={note.colour}
      data-hue={hueOf(writer ? writer.id : note.by)}
      data-writer={writer ? "" : undefined}
      aria-label={t.note(name)}
    >
      {writer && (
        <span class="note-writer" aria-hidden="true">
          {here.map((other) => other.name).join(", ")}
        </span>
      )}
      <div class="note-text">
        {writes ? (
          <Writing
            paper={paper}
            text={note.text}
            field={note.id}
            label={t.noteText(name)}
            placeholder={t.emptyNote}
            focus={focus}
            onEscape={() => {
              const find = (what: string) => card.current?.querySelector<HTMLElement>(what);
              (find(".note-grip") ?? find(".note-tools button"))?.focus();
            }}
          />
        ) : (
          <Written text={note.text.toString()} />
        )}
      </div>
      <div class="note-foot" {...(writes && view === "sheet" ? drag : {})}>
        <bdi class="note-name cut grow" data-hue={hueOf(note.by)}>
          {name}
        </bdi>
        {writes && (
          <div class="note-tools grow">
            <Colours paper={paper} note={note} />
            <IconButton
              label={t.remove(name)}
              icon="trash"
              onClick={() => (note.text.length > 0 ? setAsking(true) : remove())}
            />
          </div>
        )}
        {writes && view === "sheet" && <Grip paper={paper} note={note} label={t.move(name)} hint={t.moveHint} />}
      </div>
      {asking && (
        <Confirm
          title={t.removeTitle}
          action={t.deleteAction}
          cancel={words.value.cancel}
          onConfirm={remove}
          onClose={() => setAsking(false)}
        >
          <p dir="auto">{note.text.toString().slice(0, 200)}</p>
        </Confirm>
      )}
    </li>
  );
}

function Colours({ paper, note }: { paper: OpenPaper; note: Note }) {
  const t = paperWords.value;
  const id = useId();
  return (
    <fieldset class="note-colours">
      <legend class="unseen">{t.colour}</legend>
      {Array.from({ length: COLOURS }, (_, colour) => (
        <input
          key={colour}
          type="radio"
          name={id}
          data-colour={colour}
          aria-label={t.colours[colour]}
          title={t.colours[colour]}
          checked={colour === note.colour}
          onChange={() => changeNote(paper, note.id, { colour })}
        />
      ))}
    </fieldset>
  );
}

const ARROWS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

interface GripProps {
  paper: OpenPaper;
  note: Note;
  label: string;
  hint: string;
}

/** Moves the note by key; by pointer it is moved by all of its foot. */
function Grip({ paper, note, label, hint }: GripProps) {
  function onKeyDown(event: KeyboardEvent): void {
    const way = ARROWS[event.key];
    if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const step = event.shiftKey ? LEAP : STEP;
    const to = onSheet(note.x + way[0] * step, note.y + way[1] * step);
    changeNote(paper, note.id, to);
    say(paperWords.value.place(number(to.x), number(to.y)));
    const button = event.currentTarget as HTMLElement;
    requestAnimationFrame(() => button.scrollIntoView({ block: "nearest", inline: "nearest" }));
  }

  return (
    <button
      type="button"
      class="note-grip"
      aria-label={label}
      aria-description={hint}
      title={label}
      onKeyDown={onKeyDown}
    >
      <Icon name="grip" />
    </button>
  );
}

/** Return what moves a note by the pointer, as one step to undo. */
function useDrag(paper: OpenPaper, note: Note) {
  const hold = useRef<{ x: number; y: number } | null>(null);
  return {
    onPointerDown: (event: TargetedPointerEvent<HTMLElement>) => {
      const other = event.target instanceof Element && event.target.closest("input, .icon-button");
      if (event.button !== 0 || other) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      hold.current = { x: note.x - event.clientX, y: note.y - event.clientY };
      paper.cut();
    },
    onPointerMove: (event: TargetedPointerEvent<HTMLElement>) => {
      const held = hold.current;
      if (held) changeNote(paper, note.id, onSheet(held.x + event.clientX, held.y + event.clientY));
    },
    onLostPointerCapture: () => {
      hold.current = null;
      paper.cut();
    },
  };
}
