import { beforeAll, describe, expect, it, vi } from "vitest";
import { readCode, roomCode } from "../src/codes";
import { parse, roomLink } from "../src/route";

beforeAll(() => {
  vi.stubGlobal("location", { origin: "https://chat.example", pathname: "/", hash: "" });
});

describe("an address", () => {
  it.each([
    ["/", "", null, null, null],
    ["/r/lobby", "", "lobby", null, null],
    ["/r/lobby/42", "", "lobby", 42, null],
    ["/r/yard", "#invite=inv_1_x%2By", "yard", null, "inv_1_x+y"],
    ["/r/yard/7", "#invite=inv_1", "yard", 7, "inv_1"],
    ["/r/Lobby", "", null, null, null],
    ["/r/../admin", "", null, null, null],
    ["/r/lobby/x", "", "lobby", null, null],
    ["/r/lobby/-1", "", "lobby", null, null],
    ["/r/lobby/1/2", "", null, null, null],
    ["/r/", "", null, null, null],
    ["/x/lobby", "#invite=inv_1", null, null, null],
    [`/r/${"a".repeat(65)}`, "", null, null, null],
  ])("%s%s", (path, hash, room, seq, invite) => {
    expect(parse(path, hash)).toEqual({ room, seq, paper: null, invite });
  });

  it.each([
    ["/r/yard/p/card", "", "card"],
    ["/r/yard/p/card", "#invite=inv_1", "card"],
    ["/r/yard/p/Card", "", null],
    ["/r/yard/p/", "", null],
    ["/r/yard/q/card", "", null],
    ["/r/yard/p/card/x", "", null],
  ])("%s%s is of the paper %s", (path, hash, paper) => {
    const room = paper === null ? null : "yard";
    expect(parse(path, hash)).toEqual({ room, seq: null, paper, invite: room && hash ? "inv_1" : null });
  });
});

describe("a code", () => {
  it.each([
    ["lobby", "lobby", null],
    ["  lobby ", "lobby", null],
    ["yard:inv_1_secret", "yard", "inv_1_secret"],
    ["yard inv_1_secret", "yard", "inv_1_secret"],
    ["https://chat.example/r/yard#invite=inv_1", "yard", "inv_1"],
    ["https://chat.example/r/yard/12", "yard", null],
  ])("%s is a way in", (typed, room, invite) => {
    expect(readCode(typed)).toEqual({ room, invite });
  });

  it.each(["", "?!", "마당", "https://elsewhere.example/r/yard", "https://", "javascript:alert(1)", "/r/yard"])(
    "%s is none",
    (typed) => {
      expect(readCode(typed)).toBeNull();
    },
  );

  it("is what is passed on", () => {
    expect(readCode(roomCode("yard", "inv_1_a-b_c"))).toEqual({ room: "yard", invite: "inv_1_a-b_c" });
    expect(readCode(roomLink("yard", "inv_1_a-b_c"))).toEqual({ room: "yard", invite: "inv_1_a-b_c" });
  });
});
