// Papers: what is written in documents of Yjs reaches the others and the server, once, whatever the connection does.

import { expect, inject, onTestFinished, test } from "vitest";
import { Doc, encodeStateAsUpdate, UndoManager } from "yjs";
import { TIMES } from "../src/connection.js";
import type { Client } from "../src/index.js";
import { type OpenPaper, papers } from "../src/papers.js";
import { chance, type Fate, Link } from "./link.js";
import { freshRoom, person, state, until } from "./people.js";
import { Server } from "./server.js";

Object.assign(TIMES, { first: 10, longest: 40, later: 20, hello: 1_500, quiet: 500, pong: 300 });

/** A room of Olive's with a paper in it, which has the room's name. */
async function begun(url: string = inject("url")): Promise<{ id: string; olive: Client }> {
  const id = freshRoom();
  const olive = person({ guest: "Olive" }, url);
  await olive.createRoom({ id });
  await papers(olive).create(id, { id, title: "Card" });
  return { id, olive };
}

async function opened(id: string, url: string = inject("url")): Promise<OpenPaper & { client: Client }> {
  const client = person({ guest: "Mina" }, url);
  await client.room(id).join();
  return Object.assign(await papers(client).open(id), { client });
}

const text = (paper: OpenPaper) => paper.doc.getText("text");
const words = (paper: OpenPaper) => text(paper).toString().split(" ").filter(Boolean);

/** Wait until it is so, which only what others write can make true. */
function sees({ doc }: OpenPaper, so: () => boolean): Promise<void> {
  return new Promise((done) => {
    const look = () => {
      if (!so()) return;
      doc.off("update", look);
      done();
    };
    doc.on("update", look);
    look();
  });
}

const shownTo = (paper: OpenPaper, is: (states: readonly unknown[]) => boolean) =>
  until(paper.store, ({ shown }) => is(shown.map(({ state }) => state)));

test("two write, and each has what the other wrote", async () => {
  const { id } = await begun();
  const [mina, bora] = await Promise.all([opened(id), opened(id)]);
  expect(mina.store.getSnapshot()).toMatchObject({ open: true, saved: true, ended: null, info: { title: "Card" } });
  text(mina).insert(0, "안녕 😀 ");
  expect(mina.store.getSnapshot().saved).toBe(false);
  await mina.saved();
  expect(mina.store.getSnapshot().saved).toBe(true);
  await sees(bora, () => text(bora).toString() === "안녕 😀 ");
  text(bora).insert(0, "반가워 ");
  await sees(mina, () => text(mina).toString() === "반가워 안녕 😀 ");
  await bora.saved();
  const late = await opened(id);
  expect(encodeStateAsUpdate(late.doc)).toEqual(encodeStateAsUpdate(mina.doc));
});

test("papers are listed, made, renamed, finished, opened again and deleted", async () => {
  const { id, olive } = await begun();
  const desk = papers(olive);
  const other = await desk.create(id, { title: "Other" });
  const { items, more } = await desk.list(id);
  expect([items.map((paper) => paper.id).sort(), more]).toEqual([[id, other.id].sort(), false]);
  expect((await desk.rename(other.id, "Another")).title).toBe("Another");
  expect((await desk.finish(other.id)).finished).toBe(true);
  expect((await desk.reopen(other.id)).finished).toBe(false);
  expect(await desk.show(other.id)).toMatchObject({ title: "Another", room: id, user: olive.user?.id });
  await desk.remove(other.id);
  await expect(desk.open(other.id)).rejects.toMatchObject({ code: "not_found" });
  await expect(desk.create(id, { id })).rejects.toMatchObject({ code: "paper_exists" });
  expect(papers(olive)).toBe(desk);
});

/** Bad at first, and good from the frame on at which the bad luck is spent. */
function bad(random: () => number): () => Fate {
  let trouble = 2 + Math.floor(random() * 6);
  return () => {
    const luck = random();
    if (trouble <= 0 || luck > 0.3) return "pass";
    if (luck > 0.15) return Math.floor(random() * 12);
    trouble -= 1;
    return (["cut", "cut after", "dead"] as const)[Math.floor(random() * 3)] ?? "cut";
  };
}

test("what is written over bad links is there once", { timeout: 120_000 }, async () => {
  for (let seed = 1; seed <= 5; seed += 1) {
    const random = chance(seed);
    const link = await Link.to(inject("url"));
    onTestFinished(() => link.close());
    const { id } = await begun();
    const writers = await Promise.all([opened(id, link.url), opened(id, link.url)]);
    link.judge = bad(random);
    const said: string[] = [];
    for (let round = 0; round < 12; round += 1) {
      for (const [n, paper] of writers.entries()) {
        const word = `${n}.${round}`;
        said.push(word);
        text(paper).insert(Math.floor(random() * 2) && text(paper).length, ` ${word} `);
        const luck = random();
        if (luck < 0.3) await paper.saved();
        else if (luck < 0.5) await new Promise((go) => setTimeout(go, random() * 5));
      }
    }
    await Promise.all(writers.map((paper) => paper.saved()));
    const stored = await opened(id);
    expect(words(stored).sort(), `seed ${seed}`).toEqual(said.sort());
    for (const paper of writers) {
      await sees(paper, () => words(paper).length === said.length);
      expect(text(paper).toString(), `seed ${seed}`).toBe(text(stored).toString());
      await paper.client.close();
    }
    await stored.client.close();
  }
});

test("what was written while the server was away is written when it is back", { timeout: 120_000 }, async () => {
  const server = await Server.start();
  onTestFinished(() => server.stop());
  const { id } = await begun(server.url);
  const mina = await opened(id, server.url);
  text(mina).insert(0, "saved ");
  await mina.saved();
  text(mina).insert(0, "air ");
  await server.kill();
  text(mina).insert(0, "away ");
  await server.run();
  await mina.saved();
  const late = await opened(id, server.url);
  expect(text(late).toString()).toBe(text(mina).toString());
  expect(words(late)).toEqual(["away", "air", "saved"]);
});

test("a finished paper takes what was written when it is open again", async () => {
  const { id, olive } = await begun();
  const mina = await opened(id);
  await papers(olive).finish(id);
  text(mina).insert(0, "late ");
  await expect(mina.saved()).rejects.toMatchObject({ code: "finished" });
  expect(mina.store.getSnapshot()).toMatchObject({ refused: { code: "finished" }, saved: false, ended: null });
  await papers(olive).reopen(id);
  const bora = await opened(id);
  await sees(bora, () => text(bora).toString() === "late ");
  await until(mina.store, ({ saved, refused }) => saved && !refused);
});

test("who is there is shown, and gone with the connection", async () => {
  const { id } = await begun();
  const link = await Link.to(inject("url"));
  onTestFinished(() => link.close());
  const mina = await opened(id, link.url);
  const bora = await opened(id);
  mina.show({ user: { name: "Queen", color: "#f80" }, cursor: 3 });
  await shownTo(bora, (states) => states.length === 1);
  const [shown] = bora.store.getSnapshot().shown;
  expect(shown).toMatchObject({ client: mina.doc.clientID, user: mina.client.user?.id });
  expect(shown?.state).toMatchObject({ user: { name: "Mina", color: "#f80" }, cursor: 3 });
  expect(mina.store.getSnapshot().shown).toEqual([]);
  const gone = shownTo(bora, (states) => !states.length);
  link.cut();
  await gone;
  await shownTo(bora, (states) => states.length === 1);
  mina.show(null);
  await shownTo(bora, (states) => !states.length);
  expect(() => mina.show({ much: "x".repeat(9_000) })).toThrow("at most");
});

test("whoever loses a paper is told", async () => {
  const { id, olive } = await begun();
  const [mina, bora] = await Promise.all([opened(id), opened(id)]);
  const room = olive.room(id);
  await room.join();
  await room.kick(mina.client.user?.id ?? "");
  await until(mina.store, ({ ended }) => ended === "not_member");
  await papers(olive).remove(id);
  await until(bora.store, ({ ended }) => ended === "not_found");
  const { id: other, olive: ends } = await begun();
  const last = await papers(ends).open(other);
  const closing = ends.close();
  text(last).insert(0, "x");
  await closing;
  expect(last.store.getSnapshot()).toMatchObject({ ended: "closed", open: false, saved: false });
  text(bora).insert(0, "too late");
  await expect(bora.saved()).rejects.toMatchObject({ code: "not_found" });
});

test("what is written in a paper that was closed is not called saved", async () => {
  const { id } = await begun();
  const [mina, bora] = await Promise.all([opened(id), opened(id)]);
  text(mina).insert(0, "kept and erased");
  await mina.saved();
  mina.close();
  await mina.saved();
  text(mina).delete(4, 11);
  expect(mina.store.getSnapshot()).toMatchObject({ ended: "closed", saved: false });
  await expect(mina.saved()).rejects.toMatchObject({ code: "closed" });
  await sees(bora, () => text(bora).toString() === "kept and erased");
  text(bora).insert(0, "unsaved ");
  bora.close();
  await expect(bora.saved()).rejects.toMatchObject({ code: "closed" });
});

test("a copy of an earlier run says what it has", async () => {
  const { id, olive } = await begun();
  const doc = new Doc();
  doc.getText("text").insert(0, "from before");
  const paper = await papers(olive).open(id, { doc });
  expect(await papers(olive).open(id)).toBe(paper);
  await expect(papers(olive).open(id, { doc: new Doc() })).rejects.toThrow(TypeError);
  expect(paper.store.getSnapshot().saved).toBe(false);
  await paper.saved();
  paper.close();
  const mina = await opened(id);
  text(mina).delete(0, 5);
  await mina.saved();
  const again = await papers(olive).open(id, { doc });
  expect(again).not.toBe(paper);
  expect(text(again).toString()).toBe("before");
});

test("papers that are closed while they are opened again are closed at the server, too", async () => {
  const { id, olive } = await begun();
  const link = await Link.to(inject("url"));
  onTestFinished(() => link.close());
  const client = person({ guest: "Mina" }, link.url);
  await client.room(id).join();
  const ids = [id, ...Array.from({ length: 19 }, (_, n) => `${id}-${n}`)];
  await Promise.all(ids.slice(1).map((other) => papers(olive).create(id, { id: other })));
  const open = await Promise.all(ids.map((each) => papers(client).open(each)));
  link.cut();
  await state(client, ({ phase }) => phase === "disconnected");
  await new Promise((go) => setTimeout(go)); // by then, all wait to be opened again
  for (const paper of open) paper.close();
  const last = await papers(olive).create(id);
  const again = await papers(client).open(id);
  await again.saved();
  await expect(papers(client).open(last.id)).resolves.toMatchObject({ id: last.id });
});

test("what was deleted in a copy that nobody followed is deleted", async () => {
  const { id, olive } = await begun();
  const desk = papers(olive);
  const doc = new Doc();
  const first = await desk.open(id, { doc });
  text(first).insert(0, "from before");
  await first.saved();
  first.close();
  text(first).delete(0, 5);
  const bora = await opened(id);
  const second = await desk.open(id, { doc });
  expect(second.store.getSnapshot().saved).toBe(false);
  await sees(bora, () => text(bora).toString() === "before");
  await second.saved();
  second.close();
  await desk.finish(id);
  const third = await desk.open(id, { doc });
  expect(third.store.getSnapshot()).toMatchObject({ saved: true, refused: null }); // it has nothing to write
  await third.saved();
  third.close();
  text(third).delete(0, 2);
  const fourth = await desk.open(id, { doc });
  await expect(fourth.saved()).rejects.toMatchObject({ code: "finished" });
});

test("a copy that is too far ahead is told so", async () => {
  const { id, olive } = await begun();
  const doc = new Doc();
  doc.getText("text").insert(0, "x".repeat(60_000));
  const opening = papers(olive).open(id, { doc });
  doc.getText("text").insert(0, "y");
  const paper = await opening;
  await expect(paper.saved()).rejects.toMatchObject({ code: "too_big" });
});

test("undo takes back what is the user's own, and a transaction that is too large is told", async () => {
  const { id } = await begun();
  const [mina, bora] = await Promise.all([opened(id), opened(id)]);
  const undo = new UndoManager(text(bora), { captureTimeout: 0 });
  text(bora).insert(0, "B");
  text(mina).insert(0, "M");
  await sees(bora, () => text(bora).length === 2);
  undo.undo();
  undo.undo();
  await sees(mina, () => text(mina).toString() === "M");
  for (let n = 0; n < 20; n += 1) mina.doc.getMap("notes").set(String(n), "x".repeat(10_000)); // as many are joined as fit
  await mina.saved();
  text(mina).insert(0, "x".repeat(60_000));
  await expect(mina.saved()).rejects.toMatchObject({ code: "too_big" });
});
