// What the SDK costs, and what it leaves behind: in a page's script, in memory, and in a process that wants to end.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { expect, inject, onTestFinished, test } from "vitest";
import { TIMES } from "../src/connection.js";
import { Feed } from "../src/feed.js";
import { Link } from "./link.js";
import { freshRoom, messages, person, state } from "./people.js";

const HERE = fileURLToPath(new URL("..", import.meta.url));

/** Bundle an entry as an application's build does: its late parts are files of their own. Returns the folder. */
async function bundled(entry: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "madang-bundle-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const bundle = await rolldown({
    input: { entry: `${HERE}/src/${entry}` },
    preserveEntrySignatures: "allow-extension",
  });
  await bundle.write({
    dir: folder,
    format: "esm",
    minify: true,
    entryFileNames: "[name].mjs",
    chunkFileNames: "[name].mjs",
  });
  return folder;
}

const packed = async (file: string) => gzipSync(await readFile(file), { level: 9 }).length;

test.each([
  ["core-only.ts", [], 11_200],
  ["index.ts", ["indexeddb.mjs"], 12_300], // with what keeps the outbox
])("%s stays small in a page, minified and packed", async (entry, more, most) => {
  const folder = await bundled(entry);
  const sizes = await Promise.all(["entry.mjs", ...more].map((file) => packed(join(folder, file))));
  const size = sizes.reduce((sum, each) => sum + each, 0);
  console.log(`${entry}: ${size} bytes`);
  expect(size).toBeLessThanOrEqual(most);
});

test("importing it does nothing, in a place without a browser", async () => {
  const file = join(await bundled("index.ts"), "entry.mjs");
  const look =
    "const before = Object.keys(globalThis).length; await import(process.argv[1]); if (Object.keys(globalThis).length !== before) process.exit(1)";
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", look, file]);
});

test("a process ends by itself after close", async () => {
  const file = join(await bundled("index.ts"), "entry.mjs");
  const talk = `
    const { connect } = await import(process.argv[1]);
    const client = connect(process.argv[2], { guest: "Mina" });
    const room = await client.createRoom();
    room.store.subscribe(() => {});
    await room.join();
    room.typing();
    await room.send("bye");
    room.read();
    await client.close();
    console.log("closed");`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", talk, file, inject("url")],
    { timeout: 15_000 },
  );
  expect(stdout.trim()).toBe("closed");
});

test("reconnecting leaves nothing behind", { timeout: 120_000 }, async () => {
  const times = { ...TIMES };
  onTestFinished(() => void Object.assign(TIMES, times));
  Object.assign(TIMES, { first: 1, longest: 1 });
  const times_over = Number(process.env.MADANG_RECONNECTS ?? 60);
  const link = await Link.to(inject("url"));
  onTestFinished(() => link.close());
  const client = person({ guest: "Mina" }, link.url);
  const room = client.room(freshRoom());
  await client.createRoom({ id: room.id });
  room.store.subscribe(() => {});
  await room.join();
  const again = async () => {
    link.cut();
    await state(client, ({ phase }) => phase !== "connected");
    await state(client, ({ phase }) => phase === "connected");
  };
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  for (let i = 0; i < 20; i++) await again();
  globalThis.gc?.();
  const before = { heap: process.memoryUsage().heapUsed, timers: timers() };
  for (let i = 0; i < times_over; i++) await again();
  globalThis.gc?.();
  expect(link.open).toBeLessThanOrEqual(1);
  expect(timers()).toBeLessThanOrEqual(before.timers + 2);
  if (globalThis.gc) expect(process.memoryUsage().heapUsed - before.heap).toBeLessThan(2_000_000);
});

test("10,000 events are applied, told and shown", () => {
  const feed = new Feed(
    "r",
    () => () => {},
    () => {},
  );
  feed.follow().catch(() => {});
  feed.asking();
  feed.joined({ room: { id: "r" }, role: "member", seq: 0, epoch: "e", read_seq: 0, reset: false, events: [] });
  let told = 0;
  feed.cell.subscribe(() => {
    told += 1;
  });
  const at = "2026-11-22T09:00:00.123Z";
  for (let seq = 1; seq <= 10_000; seq++) {
    feed.event({
      op: "event",
      room: "r",
      seq,
      id: `${seq}`,
      type: "message.sent",
      user: `u${seq % 50}`,
      name: "U",
      at,
      text: `m${seq}`,
    });
    if (seq % 50 === 0) feed.cell.getSnapshot();
  }
  expect(messages(feed.cell.getSnapshot()).at(-1)?.text).toBe("m10000");
  expect(feed.cell.getSnapshot().unread).toBe(1_000);
  expect(told).toBe(0); // all at one moment: listeners are told once, afterwards
});
