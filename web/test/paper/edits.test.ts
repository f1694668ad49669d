import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { type Delta, difference, moved } from "../../src/paper/edits";

const HALF = /\p{Surrogate}/u;
const applied = (text: string, edit: ReturnType<typeof difference>) =>
  edit === null ? text : text.slice(0, edit.at) + edit.inserted + text.slice(edit.at + edit.removed);

describe("the difference of two texts", () => {
  it.each([
    ["", "", null],
    ["abc", "abXc", { at: 2, removed: 0, inserted: "X" }],
    ["abc", "", { at: 0, removed: 3, inserted: "" }],
    ["안녀", "안녕", { at: 1, removed: 1, inserted: "녕" }],
    ["שלום", "של!ום", { at: 2, removed: 0, inserted: "!" }],
  ])("%s → %s", (before, after, edit) => {
    expect(difference(before, after)).toEqual(edit);
  });

  it("is where the caret was", () => {
    expect(difference("aaa", "aaaa", 1)).toEqual({ at: 0, removed: 0, inserted: "a" });
    expect(difference("aaa", "aaaa", 4)).toEqual({ at: 3, removed: 0, inserted: "a" });
  });

  it.each([
    ["😀", "😁"], // the first half is the same
    ["😀", "🐀"], // the second half is
    ["a😀b", "a😀😀b"],
    ["👩‍👩‍👧", "👩‍👧"],
  ])("cuts no sign in two: %s → %s", (before, after) => {
    for (let caret = 0; caret <= after.length; caret++) {
      const edit = difference(before, after, caret);
      expect(applied(before, edit)).toBe(after);
      expect(edit?.inserted).not.toMatch(HALF);
      expect(before.slice(0, edit?.at)).not.toMatch(HALF);
    }
  });

  it("is right for any two texts", () => {
    const next = chance(7);
    for (let round = 0; round < 2000; round++) {
      const before = text(next, 6);
      const after = text(next, 6);
      expect(applied(before, difference(before, after, next(after.length + 1)))).toBe(after);
    }
  });
});

describe("a place", () => {
  it("stays before the same letter, whatever happens around it", () => {
    const next = chance(11);
    for (let round = 0; round < 2000; round++) {
      const shared = new Y.Doc().getText();
      shared.insert(0, "abcdefgh");
      const place = next(9);
      const relative = Y.createRelativePositionFromTypeIndex(shared, place);
      let delta: Delta = [];
      shared.observe((event) => {
        delta = event.delta;
      });
      shared.doc?.transact(() => {
        for (let change = 0; change < 3; change++) {
          const at = next(shared.length + 1);
          if (next(2)) shared.insert(at, "xy".slice(next(2)));
          else shared.delete(at, Math.min(next(3), shared.length - at));
        }
      });
      const after = Y.createAbsolutePositionFromRelativePosition(relative, shared.doc as Y.Doc)?.index ?? 0;
      // What comes in beside a letter that is gone may be on either side of the place.
      const letter = "abcdefgh"[place] ?? "";
      if (letter && shared.toString().includes(letter)) expect(moved(place, delta, true)).toBe(after);
    }
  });

  it("may stay where something comes in", () => {
    expect(moved(3, [{ retain: 3 }, { insert: "new" }])).toBe(3);
    expect(moved(3, [{ retain: 3 }, { insert: "new" }], true)).toBe(6);
    expect(moved(3, [{ retain: 1 }, { delete: 5 }])).toBe(1);
    expect(moved(8, [{ retain: 1 }, { delete: 2 }, { retain: 1 }, { insert: "👋" }])).toBe(8);
  });
});

/** A generator of the same numbers each time. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % below;
  };
}

const LETTERS = ["a", "b", "안", "녕", "😀", "😁", "\n"];
const text = (next: (below: number) => number, most: number) =>
  Array.from({ length: next(most) }, () => LETTERS[next(LETTERS.length)]).join("");
