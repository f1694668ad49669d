// Two people talk through a real server: what the store shows of sends, edits, reactions, pins, members and pages.

import { expect, test, vi } from "vitest";
import type { RoomSummary } from "../src/index.js";
import { freshRoom, messages, person, texts, until } from "./people.js";

test("what one sends, the other sees", async () => {
  const id = freshRoom();
  const mina = person({ guest: "Mina" });
  const bora = person({ guest: "Bora" });
  await mina.createRoom({ id, title: "The yard" });
  const here = mina.room(id);
  const there = bora.room(id);
  await Promise.all([here.join(), there.join()]);
  const ack = await here.send("안녕, Bora");
  expect(ack.ack).toBe("stored");
  const seen = await until(there.store, (room) => messages(room).length === 1);
  expect(messages(seen)[0]).toMatchObject({
    kind: "message",
    text: "안녕, Bora",
    name: "Mina",
    seq: ack.seq,
    state: "sent",
    user: mina.user?.id,
  });
  expect(seen.info?.title).toBe("The yard");
  expect(seen.unread).toBe(1);
  there.read();
  expect(there.store.getSnapshot().unread).toBe(0);
});

test("an own message keeps its key from pending to sent, and is there once", async () => {
  const room = person().room("lobby");
  await room.join();
  const keys = new Set<string>();
  const states: string[] = [];
  const text = `once ${Math.random()}`;
  const look = () => {
    const rows = messages(room.store.getSnapshot()).filter((row) => row.text === text);
    expect(rows.length).toBeLessThanOrEqual(1);
    for (const row of rows) {
      keys.add(row.key);
      if (states.at(-1) !== row.state) states.push(row.state);
    }
  };
  const stop = room.store.subscribe(look);
  const sent = room.send(text);
  look();
  const { seq } = await sent;
  await until(room.store, (now) => now.seq >= seq);
  look();
  stop();
  expect(keys.size).toBe(1);
  expect(states).toEqual(["pending", "sent"]);
});

test("edits, reactions, pins and deletions reach the other's copy", async () => {
  const id = freshRoom();
  const mina = person({ guest: "Mina" });
  const bora = person({ guest: "Bora" });
  await mina.createRoom({ id });
  const here = mina.room(id);
  const there = bora.room(id);
  await Promise.all([here.join(), there.join()]);
  const { seq } = await here.send("first");
  await until(there.store, (room) => messages(room).length === 1);
  await there.react(seq, "👍");
  await here.edit(seq, "first, edited");
  await here.pin(seq);
  await there.loadPins();
  const now = await until(there.store, (room) => messages(room)[0]?.pinned === true);
  expect(messages(now)[0]).toMatchObject({
    text: "first, edited",
    reactions: [{ emoji: "👍", count: 1, mine: true }],
    pinned: true,
  });
  await until(here.store, (room) => messages(room)[0]?.reactions[0]?.mine === false);
  await here.remove(seq);
  const after = await until(there.store, (room) => messages(room)[0]?.deleted === true);
  expect(messages(after)[0]).toMatchObject({ text: "", reactions: [] });
  expect(messages(after)[0]?.pinned).toBeUndefined();
  expect(after.pins).toEqual([]);
});

test("older pages come in front, a window may be moved, and the newest is one step away", async () => {
  const id = freshRoom();
  const mina = person({ guest: "Mina" });
  await mina.createRoom({ id });
  const here = mina.room(id);
  await here.join();
  for (let i = 1; i <= 120; i++) void here.send(`m${i}`);
  await here.send("m121");
  const there = person({ guest: "Bora" }).room(id);
  await there.join();
  expect(there.store.getSnapshot().hasOlder).toBe(true);
  await there.older(50);
  await there.older(200);
  expect(there.store.getSnapshot().hasOlder).toBe(false);
  expect(texts(there)).toEqual(Array.from({ length: 121 }, (_, i) => `m${i + 1}`));

  await there.around(30);
  expect(there.store.getSnapshot().hasNewer).toBe(true);
  await here.send("m122");
  await until(there.store, (room) => room.seq >= here.store.getSnapshot().seq);
  expect(texts(there)).not.toContain("m122");
  while (there.store.getSnapshot().hasNewer) await there.newer(40);
  expect(texts(there).at(-1)).toBe("m122");
  await here.send("m123");
  await until(there.store, () => texts(there).at(-1) === "m123");

  await there.around(30);
  await there.latest();
  expect(texts(there).at(-1)).toBe("m123");
  expect(there.store.getSnapshot().hasNewer).toBe(false);
});

test("parts of a snapshot that did not change are the same objects", async () => {
  const id = freshRoom();
  const mina = person();
  await mina.createRoom({ id });
  const room = mina.room(id);
  await room.join();
  await room.send("a");
  const { seq } = await room.send("b");
  const before = await until(room.store, (now) => now.seq >= seq);
  expect(room.store.getSnapshot()).toBe(before);
  await room.edit(seq, "c");
  const after = await until(room.store, (now) => messages(now)[1]?.text === "c");
  expect(after).not.toBe(before);
  expect(messages(after)[0]).toBe(messages(before)[0]);
  expect(messages(after)[1]?.key).toBe(messages(before)[1]?.key);
});

test("who is here and who types is in the store", async () => {
  const id = freshRoom();
  const mina = person({ guest: "Mina" });
  const bora = person({ guest: "Bora" });
  await mina.createRoom({ id });
  const here = mina.room(id);
  await here.join();
  await bora.room(id).join();
  bora.room(id).typing();
  const room = await until(here.store, ({ typing, online }) => typing.length === 1 && online.length === 2);
  expect(room.typing[0]?.name).toBe("Bora");
  await bora.room(id).send("done");
  await until(here.store, ({ typing }) => typing.length === 0);
});

test("who types is known to whoever only looks from time to time, too", async () => {
  const id = freshRoom();
  const mina = person({ guest: "Mina" });
  const bora = person({ guest: "Bora" });
  await mina.createRoom({ id });
  await mina.room(id).join();
  await bora.room(id).join();
  mina.room(id).typing();
  await vi.waitFor(() => expect(bora.room(id).store.getSnapshot().typing).toHaveLength(1), 10_000);
});

test("all of the user's rooms, with what is unread", async () => {
  const id = freshRoom();
  const mina = person({ guest: "Mina" });
  const bora = person({ guest: "Bora" });
  await mina.createRoom({ id, title: "Backyard" });
  await mina.room(id).join();
  await bora.room(id).join();
  await mina.room(id).send("look");
  const list = await until(bora.rooms, ({ rooms }) => rooms.some((row) => row.id === id && row.unread === 1));
  expect(list.rooms.find((row) => row.id === id)).toMatchObject({ title: "Backyard", role: "member", access: "open" });
  expect(list.unread).toBeGreaterThanOrEqual(1);
  bora.room(id).read();
  await until(bora.rooms, ({ rooms }) => rooms.some((row) => row.id === id && row.unread === 0));
});

test("a kick ends the room with a reason, and what is sent there afterwards fails", async () => {
  const id = freshRoom();
  const mina = person({ guest: "Mina" });
  const bora = person({ guest: "Bora" });
  await mina.createRoom({ id });
  await mina.room(id).join();
  const there = bora.room(id);
  await there.join();
  await mina.room(id).kick(bora.user?.id ?? "");
  const room = await until(there.store, ({ phase }) => phase === "left");
  expect(room.error?.code).toBe("kicked");
  expect(room.canWrite).toBe(false);
  await expect(there.send("still here")).rejects.toMatchObject({ code: "not_member" });
  expect(messages(there.store.getSnapshot()).at(-1)).toMatchObject({
    text: "still here",
    state: "failed",
    error: { code: "not_member" },
  });
});

test("what is unread below the copy counts, too, whichever answer comes first", async () => {
  const id = freshRoom();
  const mina = person({ guest: "Mina" });
  await mina.createRoom({ id });
  await mina.room(id).join();
  const bora = person({ guest: "Bora" });
  await bora.room(id).join();
  await bora.close();
  const sent = await Promise.all(Array.from({ length: 70 }, (_, i) => mina.room(id).send(`m${i}`)));
  expect(sent.length).toBe(70);
  for (const joinFirst of [true, false]) {
    const again = person({ token: bora.token ?? "" });
    const room = again.room(id);
    if (joinFirst) await room.join();
    again.rooms.subscribe(() => {});
    if (!joinFirst) await until(again.rooms, ({ phase }) => phase === "live");
    await room.join();
    await until(room.store, ({ unread }) => unread === 70, `70 unread, join first: ${joinFirst}`);
    await until(again.rooms, ({ rooms }) => rooms.some((row) => row.id === id && row.unread === 70));
  }
});

test("rooms that are not followed tell what is unread, and that they are gone", async () => {
  const id = freshRoom();
  const mina = person({ guest: "Mina" });
  await mina.createRoom({ id, title: "The yard" });
  await mina.room(id).join();
  const bora = person({ guest: "Bora" });
  await bora.room(id).join();
  await bora.close();
  const phone = person({ token: bora.token ?? "" });
  phone.rooms.subscribe(() => {});
  const row = (is: (row: RoomSummary | undefined) => boolean) =>
    until(phone.rooms, ({ phase, rooms }) => phase === "live" && is(rooms.find((one) => one.id === id)));
  await row((one) => one?.unread === 0);
  await mina.room(id).send("look");
  await row((one) => one?.unread === 1 && one.lastAt !== null);
  await mina.room(id).send("Bora?", { mentions: [bora.user?.id ?? ""] });
  await row((one) => one?.unread === 2 && one.mentions === 1);
  await mina.room(id).settings({ title: "The old yard" });
  await row((one) => one?.title === "The old yard");
  await mina.room(id).kick(bora.user?.id ?? "");
  await row((one) => one === undefined);
});

test("who reacted, who begins so, and what the server has", async () => {
  const id = freshRoom();
  const mina = person({ guest: "민아" });
  const bora = person({ guest: "Bora" });
  await mina.createRoom({ id });
  const here = mina.room(id);
  await here.join();
  await bora.room(id).join();
  const { seq } = await here.send("tea?");
  await here.react(seq, "👍");
  await bora.room(id).react(seq, "👍");
  const reactors = await here.reactors(seq, "👍");
  expect(reactors.items.map(({ name }) => name).sort()).toEqual(["Bora", "민아"]);
  expect(reactors.more).toBe(false);
  const first = await here.reactors(seq, "👍", { limit: 1 });
  const second = await here.reactors(seq, "👍", { limit: 1, after: first.next });
  expect([first.more, ...first.items, ...second.items].length).toBe(3);
  expect(second.items[0]?.id).not.toBe(first.items[0]?.id);
  for (const [prefix, name] of [
    ["ㅁㅇ", "민아"],
    ["BO", "Bora"],
  ] as const) {
    const { items } = await here.members({ prefix });
    expect(items.map((member) => member.name)).toEqual([name]);
  }
  expect((await here.members()).items.map(({ role }) => role).sort()).toEqual(["member", "owner"]);
  expect(mina.server?.features).toContain("reactors");
  expect(mina.server?.createRooms).toBe(true);
});

test("what was said is found in one room or in all, page by page, with where it is in the text", async () => {
  const mina = person({ guest: "Mina" });
  const yard = await mina.createRoom({ id: freshRoom() });
  const garden = await mina.createRoom({ id: freshRoom() });
  await Promise.all([yard.join(), garden.join()]);
  expect(mina.server?.features).toContain("search");
  const first = await yard.send("😂 주간회의록을 올렸어요");
  const second = await garden.send("회의는 내일");
  await yard.send("점심");

  const all = await mina.search({ q: "회의", limit: 1 });
  expect(all).toMatchObject({ more: true, complete: true });
  expect(all.messages).toMatchObject([{ id: second.id, room: garden.id, ranges: [[0, 2]], kind: "message" }]);
  const rest = await mina.search({ q: "회의", before: second.id });
  expect(rest.messages.map(({ text, ranges }) => ranges.map(([start, end]) => text.slice(start, end)).join())).toEqual([
    "회의",
  ]);
  expect(rest.messages).toMatchObject([{ id: first.id, seq: first.seq, room: yard.id, name: "Mina", state: "sent" }]);

  const here = await mina.search({ q: "ㅎㅇ", room: garden.id, from: new Date(0), user: mina.user?.id ?? "" });
  expect(here.messages.map(({ id }) => id)).toEqual([second.id]);
  expect((await mina.search({ q: "회의", to: new Date(0) })).messages).toEqual([]);
  await expect(mina.search({ q: " " })).rejects.toMatchObject({ code: "bad_field" });
});
