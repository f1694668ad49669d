// The recorded conversations of protocol/, from the client's side: every frame that a server may send is taken, no position is lost.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Feed } from "../src/feed.js";
import { show } from "../src/signs.js";
import type { Answer } from "../src/types.js";

const FOLDER = fileURLToPath(new URL("../../../protocol/conversations/", import.meta.url));
const NUMBERS = new Set(["seq"]);

/** A frame with values in the place of its placeholders: the same for the same name. */
function filled(frame: Answer): Answer {
  const text = JSON.stringify(frame).replace(/"<(\w+)(?::(\w+))?>"/g, (_, kind: string, name = "") =>
    NUMBERS.has(kind) ? "1" : `"${kind}-${name}"`,
  );
  return JSON.parse(text);
}

const files = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));

test.each(files)("%s", (name) => {
  const { steps } = JSON.parse(readFileSync(FOLDER + name, "utf8"));
  const feeds = new Map<string, Feed>();
  let joining = new Map<string, string>(); // "who n" → room
  for (const [who, does, frame] of steps) {
    if (typeof frame !== "object") {
      for (const [key, feed] of feeds) if (key.startsWith(`${who} `)) feed.lost();
      joining = new Map([...joining].filter(([key]) => !key.startsWith(`${who} `)));
      continue;
    }
    const { op, n, room, ...rest } = filled(frame);
    const key = `${who} ${room}`;
    if (does === "sends" && op === "join") joining.set(`${who} ${n}`, room);
    if (does !== "gets") continue;
    const asked = joining.get(`${who} ${n}`);
    if (op === "ok" && asked) {
      joining.delete(`${who} ${n}`);
      const feed =
        feeds.get(`${who} ${asked}`) ??
        new Feed(
          asked,
          () => () => {},
          () => {},
        );
      feeds.set(`${who} ${asked}`, feed);
      feed.copy.identify(`user-${who}`, who);
      show(feed);
      feed.follow().catch(() => {});
      feed.asking();
      feed.joined({ ...rest, room: { ...room, id: asked }, events: [] });
      feed.seq = rest.seq ?? feed.seq; // files do not mention the events of an answer
      feed.epoch = rest.epoch ?? feed.epoch;
    }
    const feed = feeds.get(key);
    if (!feed) continue;
    if (op !== "event") feed.frame({ op, room, events: [], on: {}, off: [], readers: {}, ...rest });
    else if (feed.stand === "following") {
      feed.seq = rest.seq - 1; // those before came with the answer
      feed.event({ op, room, ...rest });
      expect((feed.stand as string) === "idle" ? rest.seq : feed.seq, JSON.stringify(frame)).toBe(rest.seq);
    }
    expect(feed.cell.getSnapshot().items.every((item) => item.key)).toBe(true);
  }
});
