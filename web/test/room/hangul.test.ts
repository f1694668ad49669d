// People are found while their Korean name is being composed.

import { describe, expect, it } from "vitest";
import { countCharacters, refusedCharacter } from "../../src/room/composer/count";
import { matches } from "../../src/room/composer/hangul";
import { mentionBefore, mentionsIn } from "../../src/room/composer/mentions";

describe("a name is found by", () => {
  it.each([
    ["Mina", ""],
    ["Mina", "mi"],
    ["Kim Mina", "mi"],
    ["민아", "ㅁㅇ"],
    ["민아", "ㅁ"],
    ["민아", "미"],
    ["민아", "민ㅇ"],
    ["미나", "민"], // on the way from 미 to 미나
    ["김민아", "김미"],
    ["닭집", "달"], // on the way to 닭
    ["민아".normalize("NFD"), "민"],
    ["Ünal", "Ü".normalize("NFD")],
  ])("%s: %j", (name, typed) => expect(matches(name, typed)).toBe(true));
  it.each([
    ["Mina", "in"],
    ["민아", "ㅇ"],
    ["민아", "만"],
    ["민아", "민아아"],
    ["미도", "민"],
    ["민아", "믾"],
  ])("%s: not by %j", (name, typed) => expect(matches(name, typed)).toBe(false));
});

describe("a mention", () => {
  it.each([
    ["@", 1, { from: 0, text: "" }],
    ["hi @ㅁㅇ", 6, { from: 3, text: "ㅁㅇ" }],
    ["(@mi", 4, { from: 1, text: "mi" }],
    ["a@b", 3, null],
    ["@mi na", 6, null],
  ])("in %j", (text, caret, found) => expect(mentionBefore(text, caret)).toEqual(found));
  it("is of those who are still in the text", () => {
    const picked = new Map([
      ["Mina", "u1"],
      ["Bora", "u2"],
    ]);
    expect(mentionsIn("@Mina, hi", picked)).toEqual(["u1"]);
  });
});

describe("characters are counted as the server does", () => {
  it("by code points in NFC", () => {
    expect(countCharacters("각".normalize("NFD"))).toBe(1);
    expect(countCharacters("👩‍👩‍👧")).toBe(5);
  });
  it("and refused ones are found", () => {
    expect(refusedCharacter("a\tb\n각👩‍👩‍👧")).toBe(0);
    expect(refusedCharacter("ab\u0000")).toBe(3);
    expect(refusedCharacter(`😀\ud800`)).toBe(2);
    expect(refusedCharacter("\ufffe")).toBe(1);
    expect(refusedCharacter(`a${"\u0301".repeat(20)}`)).toBeGreaterThan(0);
  });
});
