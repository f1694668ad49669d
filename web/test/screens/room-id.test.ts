import { expect, it } from "vitest";
import { idFrom } from "../../src/screens/room-id";

it.each([
  ["The yard", "the-yard"],
  ["마당 회의", "madang-hoeui"],
  ["한글", "hangeul"],
  ["Café №3!", "cafe-no3"],
  ["  --  ", null],
  ["日本", null],
  ["🍵", null],
  ["a".repeat(60), "a".repeat(40)],
])("%s → %s", (title, id) => {
  expect(idFrom(title)).toBe(id);
});

it("is always an id that a server takes", () => {
  for (let code = 0xac00; code <= 0xd7a3; code++)
    expect(idFrom(String.fromCharCode(code))).toMatch(/^[a-z0-9][a-z0-9_-]{0,63}$/);
});
