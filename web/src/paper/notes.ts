// The notes of a rolling paper: one map in its document for each, by an id that nobody else has.

import * as Y from "yjs";
import type { OpenPaper } from "./OpenPaper";

export interface Note {
  id: string;
  /** Who put it up, and what they were called. */
  by: string;
  name: string;
  /** One of COLOURS, by number. */
  colour: number;
  /** Its place on the sheet, in pixels of CSS. */
  x: number;
  y: number;
  /** When it was put up. */
  at: number;
  text: Y.Text;
}

export const COLOURS = 5;
export const WIDTH = 224;
export const HEIGHT = 168;
export const GAP = 24;
/** A step by key. */
export const STEP = 8;
export const LEAP = 64;
const COLUMNS = 4;
const FARTHEST = 20_000;
const MOST_NAME = 40;

type Notes = Y.Map<Y.Map<unknown>>;

export const notesOf = (doc: Y.Doc): Notes => doc.getMap("notes") as Notes;

/** Return all notes, the oldest first. All else is left out: other programs write papers, too. */
export function notesIn(doc: Y.Doc): Note[] {
  const found: Note[] = [];
  for (const [id, map] of notesOf(doc)) {
    if (!(map instanceof Y.Map)) continue;
    const text = map.get("text");
    if (!(text instanceof Y.Text)) continue;
    found.push({
      id,
      by: String(map.get("by") ?? ""),
      name: String(map.get("name") ?? "").slice(0, MOST_NAME),
      colour: whole(map.get("colour"), COLOURS - 1),
      x: whole(map.get("x"), FARTHEST),
      y: whole(map.get("y"), FARTHEST),
      at: whole(map.get("at"), Number.MAX_SAFE_INTEGER),
      text,
    });
  }
  return found.sort((one, other) => one.at - other.at || (one.id < other.id ? -1 : 1));
}

/** Put up a note where there is room, and return its id. */
export function addNote(paper: OpenPaper, who: { id: string; name: string }): string {
  const id = crypto.randomUUID();
  const notes = notesIn(paper.doc);
  const { x, y } = freePlace(notes);
  const own = notes.findLast((note) => note.by === who.id);
  const colour = own ? own.colour : notes.length % COLOURS;
  paper.cut();
  paper.change(() => {
    const entries = Object.entries({ by: who.id, name: who.name, colour, x, y, at: Date.now(), text: new Y.Text() });
    notesOf(paper.doc).set(id, new Y.Map<unknown>(entries));
  });
  paper.cut();
  return id;
}

/** Change a note that is still there. */
export function changeNote(paper: OpenPaper, id: string, changes: Partial<Pick<Note, "x" | "y" | "colour">>): void {
  const note = notesOf(paper.doc).get(id);
  if (!note) return;
  paper.change(() => {
    for (const [key, value] of Object.entries(changes)) note.set(key, value);
  });
}

/** Take a note down. */
export function removeNote(paper: OpenPaper, id: string): void {
  paper.cut();
  paper.change(() => notesOf(paper.doc).delete(id));
  paper.cut();
}

/** Return the first place that no note covers, row by row. */
export function freePlace(notes: readonly Pick<Note, "x" | "y">[]): { x: number; y: number } {
  for (let place = 0; ; place++) {
    const x = GAP + (place % COLUMNS) * (WIDTH + GAP);
    const y = GAP + Math.floor(place / COLUMNS) * (HEIGHT + GAP);
    if (notes.every((note) => Math.abs(note.x - x) >= WIDTH || Math.abs(note.y - y) >= HEIGHT)) return { x, y };
  }
}

/** Return a place on the sheet. */
export const onSheet = (x: number, y: number) => ({ x: whole(x, FARTHEST), y: whole(y, FARTHEST) });

function whole(value: unknown, most: number): number {
  return typeof value === "number" && Number.isFinite(value) ? Math.min(Math.max(Math.round(value), 0), most) : 0;
}
