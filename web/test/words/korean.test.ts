import { describe, expect, it } from "vitest";
import { finds, particle } from "../../src/words/korean";

describe("finding", () => {
  it.each([
    ["민아의 방", "민아", true],
    ["민아의 방", "ㅁㅇ", true],
    ["민아의 방", "ㅂ", true],
    ["민아의 방", "ㅁㅂ", false],
    ["Lobby", "lob", true],
    ["Lobby", "OBB", true],
    ["로비", "", true],
    ["로비", "로비".normalize("NFD"), true],
    ["로비", "방", false],
  ])("%s by %s: %s", (text, query, found) => {
    expect(finds(text, query)).toBe(found);
  });
});

describe("a particle", () => {
  it.each([
    ["방장", "으로", "로", "방장으로"],
    ["참여자", "으로", "로", "참여자로"],
    ["서울", "으로", "로", "서울로"],
    ["서울", "을", "를", "서울을"],
    ["Mina", "을", "를", "Mina를"],
  ])("after %s", (word, consonant, vowel, together) => {
    expect(particle(word, consonant, vowel)).toBe(together);
  });
});
