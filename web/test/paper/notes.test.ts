import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { COLOURS, freePlace, GAP, HEIGHT, notesIn, notesOf, WIDTH } from "../../src/paper/notes";

const note = (fields: Record<string, unknown>) => new Y.Map(Object.entries(fields));

describe("the notes of a document", () => {
  it("are those that have a text, the oldest first", () => {
    const doc = new Y.Doc();
    const notes = notesOf(doc);
    notes.set("b", note({ at: 2, name: "보라", text: new Y.Text("둘") }));
    notes.set("c", note({ at: 1, name: "Mina", text: new Y.Text("One") }));
    notes.set("a", note({ at: 2, name: "Jun", text: new Y.Text("Two") }));
    notes.set("d", note({ at: 0, name: "No text", text: "x" }));
    doc.getMap("notes").set("e", "no map");
    expect(notesIn(doc).map(({ name, text }) => `${name}: ${text.toString()}`)).toEqual([
      "Mina: One",
      "Jun: Two",
      "보라: 둘",
    ]);
  });

  it("have bounds, whatever another program writes", () => {
    const doc = new Y.Doc();
    const wild = { x: -5, y: 1e9, colour: 99, at: Number.NaN, by: null, name: "n".repeat(1000), text: new Y.Text() };
    notesOf(doc).set("a", note(wild));
    const [found] = notesIn(doc);
    expect(found).toMatchObject({ x: 0, y: 20_000, colour: COLOURS - 1, at: 0, by: "", name: "n".repeat(40) });
  });
});

describe("a free place", () => {
  it("is covered by no note, and the first one", () => {
    const notes: { x: number; y: number }[] = [];
    for (let count = 0; count < 9; count++) notes.push(freePlace(notes));
    expect(notes[0]).toEqual({ x: GAP, y: GAP });
    expect(notes[4]).toEqual({ x: GAP, y: GAP + HEIGHT + GAP });
    for (const one of notes)
      for (const other of notes)
        expect(one === other || Math.abs(one.x - other.x) >= WIDTH || Math.abs(one.y - other.y) >= HEIGHT).toBe(true);
    expect(freePlace(notes.filter((_, number) => number !== 2))).toEqual(notes[2]);
  });

  it("is beside a note that was moved into the way", () => {
    expect(freePlace([{ x: GAP + 30, y: GAP - 10 }]).x).toBe(GAP + 2 * (WIDTH + GAP));
  });
});
