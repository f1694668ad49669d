// Commands of a room go out in the order of their calls. A file of its own: in the first test nothing that comes late is there yet.

import { expect, test } from "vitest";
import { memoryOutbox } from "../src/sends.js";
import { freshRoom, person } from "./people.js";

const ORDERED = ["change", "role", "mute", "unmute", "ban", "unban", "kick", "send", "edit"];

/** A person whose ordered commands are written down as they go out. */
function watched(outbox = memoryOutbox()) {
  const ops: string[] = [];
  class Heard extends WebSocket {
    override send(data: string) {
      const { op } = JSON.parse(data);
      if (ORDERED.includes(op)) ops.push(op);
      super.send(data);
    }
  }
  return { ops, client: person({ guest: "Mina", WebSocket: Heard, outbox }) };
}

test("what moderates keeps its place before a message, though it is used for the first time", async () => {
  const { ops, client } = watched();
  const id = freshRoom();
  await client.request("create", { room: id });
  const bora = person({ guest: "Bora" });
  await bora.request("join", { room: id });
  const whom = bora.user?.id ?? "";
  const room = client.room(id);
  await Promise.all([
    room.settings({ title: "First", slowMs: 0 }),
    room.setRole(whom, "viewer"),
    room.mute(whom, { forMs: 60_000 }),
    room.unmute(whom),
    room.kick(whom),
    room.ban(whom, { reason: "so" }),
    room.unban(whom),
    room.send("last"),
  ]);
  expect(ops).toEqual(["change", "role", "mute", "unmute", "kick", "ban", "unban", "send"]);
});

test("nothing overtakes a message that waits for the outbox", async () => {
  let opened = () => {};
  const outbox = memoryOutbox();
  const load = new Promise<[]>((done) => {
    opened = () => done([]);
  });
  const { ops, client } = watched({ ...outbox, load: () => load });
  const id = freshRoom();
  await client.request("create", { room: id });
  const room = client.room(id);
  await room.join();
  const done = [room.send("first"), room.settings({ title: "Second" }), room.send("third")];
  await client.request("rooms", {}); // time enough to overtake it
  opened();
  await Promise.all(done);
  expect(ops).toEqual(["send", "change", "send"]);
});
