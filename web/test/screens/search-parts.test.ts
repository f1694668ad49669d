// What is shown of a text that was found: cut around the first place, marked in all that are shown.

import { expect, test } from "vitest";
import { partsOf } from "../../src/screens/search-parts";

const shown = (text: string, ranges: [number, number][]) =>
  partsOf(text, ranges)
    .map(({ text, marked }) => (marked ? `[${text}]` : text))
    .join("");

test.each([
  ["주간회의록을", [[2, 4]], "주간[회의]록을"],
  [
    "😂 회의 회의",
    [
      [3, 5],
      [6, 8],
    ],
    "😂 [회의] [회의]",
  ],
  ["ㅋㅋㅋㅋ", [[0, 4]], "[ㅋㅋㅋㅋ]"],
  ["as it is", [], "as it is"],
  ["short", [[3, 99]], "sho[rt]"],
] as [string, [number, number][], string][])("%s", (text, ranges, wanted) => {
  expect(shown(text, ranges)).toBe(wanted);
});

test("a long text is cut before the first place and at its end, between letters", () => {
  const text = `${"👨‍👩‍👧".repeat(40)}tea${"🍵".repeat(400)} tea`;
  const at = text.indexOf("tea");
  const parts = partsOf(text, [
    [at, at + 3],
    [text.length - 3, text.length],
  ]);
  expect(parts[0]).toEqual({ text: "… ", marked: false });
  expect(parts.at(-1)).toEqual({ text: " …", marked: false });
  expect(parts.filter(({ marked }) => marked)).toEqual([{ text: "tea", marked: true }]);
  expect(parts[1]?.text).toMatch(/^(👨‍👩‍👧)+$/u);
  expect(parts.map(({ text }) => text).join("")).not.toMatch(/\p{Surrogate}/u);
});
