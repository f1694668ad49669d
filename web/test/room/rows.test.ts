// Items become rows: days, groups, folded notices; and how one list of rows became another.

import type { Item, Message, Notice } from "madang";
import { describe, expect, it } from "vitest";
import { firstUnread } from "../../src/room/list/line";
import { sayNotices } from "../../src/room/list/Notices";
import { changeOf } from "../../src/room/list/rowChange";
import { rowsOf } from "../../src/room/list/rows";
import { en } from "../../src/room/words.more.en";
import { ko } from "../../src/room/words.more.ko";

function message(seq: number, more: Partial<Message> = {}): Message {
  const at = new Date(Date.UTC(2026, 10, 22, 9, 0, seq)).toISOString();
  const basic = { id: `${seq}`, cid: null, user: "u1", name: "Mina", text: `text ${seq}`, mentions: [], reactions: [] };
  return { kind: "message", key: `m${seq}`, seq, at, state: "sent", ...basic, ...more };
}

function notice(seq: number, more: Partial<Notice> = {}): Notice {
  const at = new Date(Date.UTC(2026, 10, 22, 9, 0, seq)).toISOString();
  return { kind: "notice", key: `n${seq}`, seq, type: "member.joined", user: `u${seq}`, name: `U${seq}`, at, ...more };
}

const plain = { complete: false, line: null, breaks: new Set<number>() };
const rows = (items: Item[], more: Partial<typeof plain> & { line?: number | null } = {}) =>
  rowsOf(items, { ...plain, ...more });
const grouped = (items: Item[], more = {}) => rows(items, more).map((row) => row.kind === "message" && row.grouped);

describe("a message goes on from the one above", () => {
  it("of the same sender", () => expect(grouped([message(1), message(2)])).toEqual([false, true]));
  it.each([
    ["another sender", { user: "u2" }],
    ["another name", { name: "Minji" }],
    ["five minutes later", { at: "2026-11-22T09:05:01.000Z" }],
    ["another day", { at: "2026-11-24T09:00:02.000Z" }],
    ["a reply", { replyTo: 1 }],
  ])("not if it is of %s", (_, more) => expect(grouped([message(1), message(2, more)])).toEqual([false, false]));
  it("not after a notice", () => expect(grouped([message(1), notice(2), message(3)])).toEqual([false, false, false]));
  it("not below the line, nor where it was", () => {
    expect(grouped([message(1), message(2)], { line: 2 })).toEqual([false, false]);
    expect(grouped([message(1), message(2)], { breaks: new Set([2]) })).toEqual([false, false]);
  });
});

describe("rows", () => {
  it("stay the same objects", () => {
    const items = [message(1), notice(2), notice(3), message(4)];
    const [a, b] = [rows(items), rows([...items, message(5)])];
    expect(a.every((row, i) => row === b[i])).toBe(true);
  });
  it("begin days", () => {
    const [a, b, c] = rows([message(1), message(2), message(3, { at: "2026-11-25T12:00:00.000Z" })]);
    expect([a?.day, b?.day, c?.day]).toEqual([message(1).at, null, "2026-11-25T12:00:00.000Z"]);
  });
  it("fold notices", () =>
    expect(rows([notice(1), notice(2), message(3)]).map((row) => row.kind)).toEqual(["notices", "message"]));
  it("leave out new names", () => expect(rows([notice(1, { type: "member.changed" })])).toEqual([]));
});

describe("a change", () => {
  const old = rows([message(3), message(4)]);
  const to = (...items: Item[]) => changeOf(old, rows(items), 0).kind;
  it("is at the end", () => expect(to(message(3), message(4), message(5))).toBe("end"));
  it("is at the start", () => expect(to(message(1), message(3), message(4))).toBe("start"));
  it("is at both", () => expect(to(message(1), message(3), message(4), message(5))).toBe("both"));
  it("is nowhere", () => expect(to(message(3), message(4, { text: "new" }))).toBe("same"));
  it("leaves nothing", () => expect(to(message(8), message(9))).toBe("other"));
});

describe("the first unread", () => {
  const items = [message(1), message(2, { user: "me" }), notice(3), message(4), message(5)];
  it("is of others", () => expect(firstUnread(items, 1, "me")?.seq).toBe(4));
  it("is the first loaded", () => expect(firstUnread(items, 0, "me")?.seq).toBe(1));
  it("may be none", () => expect(firstUnread(items, 5, "me")).toBeNull());
});

describe("notices are said", () => {
  const joined = [1, 2, 3, 4, 5].map((n) => notice(n));
  it("in English", () => {
    expect(sayNotices(en.notice, joined, (_, name) => name ?? "")).toBe("U1, U2, and 3 others joined");
    expect(
      sayNotices(en.notice, [...joined.slice(0, 1), notice(6, { type: "member.left" })], (_, name) => name ?? ""),
    ).toBe("U1 joined · U6 left");
    const kicked = notice(7, { type: "member.kicked", member: "u9" });
    expect(sayNotices(en.notice, [kicked], (_, name) => name || "Bora")).toBe("Bora was removed from the room");
  });
  it("in Korean", () => {
    expect(sayNotices(ko.notice, joined, (_, name) => name ?? "")).toBe("U1 님, U2 님 외 3명이 들어왔습니다");
    expect(sayNotices(ko.notice, joined.slice(0, 1), (_, name) => name ?? "")).toBe("U1 님이 들어왔습니다");
  });
});
