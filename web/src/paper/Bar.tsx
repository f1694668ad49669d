// Under the header: what one does while writing, who else writes, and whether it is stored.

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { me } from "../session/session";
import { Button, IconButton } from "../ui/button";
import type { OpenPaper } from "./OpenPaper";
import type { PaperInfo } from "./papers";
import { paperWords } from "./words";

export interface BarProps {
  paper: OpenPaper;
  info: PaperInfo;
  writes: boolean;
  /** Why not, if the paper is not finished. */
  why: string | null;
  /** Put up a note, where there are notes. */
  onAdd?: () => void;
  /** How this kind of paper is looked at. */
  children?: ComponentChildren;
  /** What it came to, once it is finished. */
  sum: string;
}

export function Bar({ paper, info, writes, why, onAdd, children, sum }: BarProps) {
  const t = paperWords.value;
  useUndoKeys(paper, writes);
  if (info.finished)
    return (
      <div class="paper-bar" data-finished>
        <p class="paper-sum" role="status">
          {t.finished} {sum}
        </p>
        {children}
        <Button icon="print" onClick={() => window.print()}>
          {t.print}
        </Button>
      </div>
    );
  return (
    <div class="paper-bar">
      {writes && (
        <>
          {onAdd && (
            <Button kind="primary" icon="add" onClick={onAdd}>
              {t.add}
            </Button>
          )}
          <IconButton label={t.undo} icon="undo" disabled={!paper.canUndo.value} onClick={() => paper.undo()} />
          <IconButton label={t.redo} icon="redo" disabled={!paper.canRedo.value} onClick={() => paper.redo()} />
        </>
      )}
      {children}
      {why !== null && <p class="hint">{why}</p>}
      <div class="paper-news">
        <Writers paper={paper} />
        {(writes || !paper.stored.all.value) && <State paper={paper} />}
      </div>
    </div>
  );
}

/** Who is writing at the moment. */
function Writers({ paper }: { paper: OpenPaper }) {
  const writing = paper.others.value.filter((other) => other.cursor && other.id !== me.value?.id);
  const names = [...new Map(writing.map(({ id, name }) => [id, name])).values()];
  return (
    <p class="paper-writers cut" role="status">
      {names.length > 0 && paperWords.value.writing(names)}
    </p>
  );
}

/** Whether what was written here is stored. */
function State({ paper }: { paper: OpenPaper }) {
  const t = paperWords.value;
  const all = paper.stored.all.value;
  const away = paper.phase.value === "away";
  const refused = !all && paper.denied.value !== null;
  const state = all ? "saved" : refused ? "refused" : away ? "away" : "saving";
  const text = state === "refused" && paper.denied.value === "too_big" ? t.full : t[state];
  return (
    <>
      <p class="paper-state" data-state={state}>
        {text}
      </p>
      {/* Not each letter is told to those who listen, only when something is wrong. */}
      <p class="unseen" role="alert">
        {(state === "away" || state === "refused") && text}
      </p>
    </>
  );
}

/** Ctrl+Z anywhere on the page; in a box the browser says itself that it is meant. */
function useUndoKeys(paper: OpenPaper, writes: boolean): void {
  useEffect(() => {
    if (!writes) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing || event.altKey || !(event.ctrlKey || event.metaKey)) return;
      const elsewhere = event.target instanceof Element && event.target.closest("dialog, .side");
      const key = event.key.toLowerCase();
      const redo = (key === "z" && event.shiftKey) || key === "y";
      if (elsewhere || !(redo || key === "z")) return;
      event.preventDefault();
      if (redo) paper.redo();
      else paper.undo();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [paper, writes]);
}
