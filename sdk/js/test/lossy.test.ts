// A link that delays, ends or goes dead at any frame: all that was sent is stored once and in order, and both see it so.
// MADANG_SEEDS says how many links are tried, MADANG_SEED where they begin.

import { expect, inject, onTestFinished, test } from "vitest";
import { TIMES } from "../src/connection.js";
import { chance, type Fate, Link } from "./link.js";
import { freshRoom, messages, person, texts, until } from "./people.js";

const SEEDS = Number(process.env.MADANG_SEEDS ?? 24);
const FIRST = Number(process.env.MADANG_SEED ?? 1);
const SENDS = 12;
const AT_ONCE = 8;

Object.assign(TIMES, { first: 10, longest: 40, later: 20, hello: 1_500, quiet: 500, pong: 300 });

/** Bad at first, and good from the frame on at which the bad luck is spent. */
function bad(random: () => number): () => Fate {
  let trouble = 1 + Math.floor(random() * 6);
  return () => {
    const luck = random();
    if (trouble <= 0 || luck > 0.3) return "pass";
    if (luck > 0.15) return Math.floor(random() * 12);
    trouble -= 1;
    return (["cut", "cut after", "dead"] as const)[Math.floor(random() * 3)] ?? "cut";
  };
}

async function tried(seed: number): Promise<void> {
  const random = chance(seed);
  const link = await Link.to(inject("url"));
  onTestFinished(() => link.close());
  link.judge = bad(random);
  const id = freshRoom();
  const mina = person({ guest: "Mina" }, link.url);
  const bora = person({ guest: "Bora" }, random() < 0.5 ? link.url : inject("url"));
  const here = mina.room(id);
  const there = bora.room(id);
  await mina.request("create", { room: id }).catch((error) => {
    if (error.code !== "room_exists") throw error; // the answer to the first try was lost
  });
  const joined = there.join();
  const wanted = Array.from({ length: SENDS }, (_, i) => `${seed}-${i}`);
  const sent = wanted.map(async (text) => {
    if (random() < 0.5) await new Promise((go) => setTimeout(go, random() * 20));
    return text;
  });
  const order: string[] = [];
  const acks = await Promise.all(
    sent.map(async (ready) => {
      const text = await ready;
      order.push(text);
      return here.send(text);
    }),
  );
  await joined;
  expect(new Set(acks.map(({ seq }) => seq)).size, `seed ${seed}: one place each`).toBe(SENDS);
  const whole = (snapshot: Parameters<typeof messages>[0]) =>
    messages(snapshot).length >= SENDS && messages(snapshot).every(({ state }) => state === "sent");
  await until(there.store, whole, `seed ${seed}: all of ${order} at the other`);
  await until(here.store, whole, `seed ${seed}: all of ${order} at the sender`);
  expect(texts(there), `seed ${seed}: what the other sees`).toEqual(order);
  expect(texts(here), `seed ${seed}: what the sender sees`).toEqual(order);
  const stored = await person({ guest: "Judge" }).room(id);
  await stored.join();
  const page = await stored.history({ limit: 200 });
  expect(
    page.messages.map(({ text }) => text),
    `seed ${seed}: what is stored`,
  ).toEqual(order);
  expect(new Set(messages(here.store.getSnapshot()).map(({ key }) => key)).size).toBe(SENDS);
  await Promise.all([mina.close(), bora.close(), link.close()]);
}

test(`${SEEDS} bad links`, { timeout: 60_000 + SEEDS * 2_000 }, async () => {
  const seeds = Array.from({ length: SEEDS }, (_, i) => FIRST + i);
  const workers = Array.from({ length: AT_ONCE }, async () => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) await tried(seed);
  });
  await Promise.all(workers);
});
