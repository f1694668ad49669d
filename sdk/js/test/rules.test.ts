// What goes wrong in the field, and the rule that answers it: one test for each.

import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { TIMES } from "../src/connection.js";
import { eventsOf } from "../src/events.js";
import { Feed } from "../src/feed.js";
import { type Client, connect, type RoomEvent, Unauthorised } from "../src/index.js";
import { Link } from "./link.js";
import { freshRoom, messages, person, state, texts, until } from "./people.js";
import { Server } from "./server.js";

const SENDS = Number(process.env.MADANG_SENDS ?? 300); // 10,000 in `make soak`

Object.assign(TIMES, { first: 10, longest: 40, later: 20 });

const live = (client: Client) => state(client, ({ phase }) => phase === "connected");

async function link(): Promise<Link> {
  const made = await Link.to(inject("url"));
  onTestFinished(() => made.close());
  return made;
}

/** A token of a new guest. */
async function token(name = "Mina", url = inject("url")): Promise<string> {
  const client = connect(url, { guest: name });
  const off = client.on("state", () => {});
  await live(client);
  off();
  await client.close();
  return client.token ?? "";
}

/** WebSockets that are counted, with how many handlers they have. */
function counted(): { all: Set<WebSocket>; Socket: new (url: string) => WebSocket } {
  const all = new Set<WebSocket>();
  class Socket extends WebSocket {
    constructor(url: string) {
      super(url);
      all.add(this);
    }
  }
  return { all, Socket };
}

/** A WebSocket that tells what is sent. */
function heard(tell: (frame: { op: string }) => void): new (url: string) => WebSocket {
  return class extends WebSocket {
    override send(data: string) {
      tell(JSON.parse(data));
      super.send(data);
    }
  };
}

test("getToken is asked once at a time, and commands wait for it", async () => {
  const given = await token();
  let asked = 0;
  let give = () => {};
  const getToken = vi.fn(async () => {
    asked += 1;
    await new Promise<void>((done) => {
      give = done;
    });
    return given;
  });
  const client = person({ getToken });
  const room = client.room(freshRoom());
  const created = client.createRoom({ id: room.id });
  const profile = client.profile();
  client.retryNow();
  await vi.waitFor(() => expect(asked).toBe(1));
  expect(client.state.phase).toBe("connecting");
  give();
  await Promise.all([created, profile]);
  expect(getToken).toHaveBeenCalledTimes(1);
  expect(getToken.mock.calls[0]).toMatchObject([{ reason: "connect", signal: { aborted: false } }]);
});

test("a getToken that throws is asked again after a wait", async () => {
  const given = await token();
  let tries = 0;
  const client = person({
    getToken: async () => {
      tries += 1;
      if (tries < 4) throw new Error("our backend is away");
      return given;
    },
  });
  const reasons = new Set<string | undefined>();
  client.on("state", ({ phase, reason, retryAt }) => {
    if (phase !== "disconnected" || reason === "closed") return;
    reasons.add(reason);
    expect(retryAt).toBeGreaterThan(0);
  });
  await client.profile();
  expect(tries).toBe(4);
  expect([...reasons]).toEqual(["token"]);
});

test("Unauthorised ends the client, with one event", async () => {
  const getToken = vi.fn(async () => {
    throw new Unauthorised();
  });
  const client = person({ getToken });
  const errors: string[] = [];
  client.on("error", ({ code }) => errors.push(code));
  await expect(client.profile()).rejects.toMatchObject({ code: "unauthorised" });
  client.retryNow();
  expect(client.state).toMatchObject({ phase: "disconnected", reason: "unauthorised", final: true });
  expect(getToken).toHaveBeenCalledTimes(1);
  expect(errors).toEqual(["unauthorised"]);
  await expect(client.room("lobby").join()).rejects.toMatchObject({ code: "unauthorised" });
});

test("a token that is refused is asked for once more, and then it is over", async () => {
  const getToken = vi.fn(async () => "no token at all");
  const client = person({ getToken });
  await expect(client.profile()).rejects.toMatchObject({ code: "bad_token" });
  expect(client.state).toMatchObject({ reason: "unauthorised", final: true });
  expect(getToken).toHaveBeenCalledTimes(1);
  const fixed = person({ token: "no token at all" });
  await expect(fixed.profile()).rejects.toMatchObject({ code: "bad_token" });
});

test("a token of another user ends the client before anything goes out in their name", {
  timeout: 60_000,
}, async () => {
  const made = await Server.start();
  onTestFinished(() => made.stop());
  const said: { op: string }[] = [];
  const getToken = vi.fn(({ reason }: { reason: string }) => token(reason === "connect" ? "Mina" : "Bora", made.url));
  const client = person({ getToken, WebSocket: heard((frame) => said.push(frame)) }, made.url);
  const errors: string[] = [];
  client.on("error", ({ code }) => errors.push(code));
  const room = await client.createRoom();
  await room.join();
  await made.kill();
  const sent = room.send("Mina's own words");
  said.length = 0;
  await made.wipe(); // so that the first token is refused
  await made.run();
  await expect(sent).rejects.toMatchObject({ code: "unauthorised" });
  expect(getToken.mock.lastCall).toMatchObject([{ reason: "refused" }]);
  expect(errors).toEqual(["unauthorised"]);
  const asMina = said.findIndex(({ op }, i) => op === "hello" && i > 0);
  expect(said.slice(asMina).map(({ op }) => op)).toEqual(["hello"]);
});

test("forgetting drops the token and every key of the user", async () => {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
    key: (index: number) => [...kept.keys()][index] ?? null,
    get length() {
      return kept.size;
    },
  };
  const first = person({ guest: "Mina", storage });
  await first.profile();
  const { user } = first;
  storage.setItem(first.storageKey("draft:lobby"), "half a sentence");
  storage.setItem("theirs", "not ours");
  await first.close();
  const second = person({ guest: "Mina", storage });
  await second.profile();
  expect(second.user?.id).toBe(user?.id);
  const tokens: (string | null)[] = [];
  second.on("token", (value) => tokens.push(value));
  await second.close({ forget: true });
  expect([...kept.keys()]).toEqual(["theirs"]);
  expect(tokens).toEqual([null]);
  const third = person({ guest: "Mina", storage });
  await third.profile();
  expect(third.user?.id).not.toBe(user?.id);
  await third.close({ forget: true });
  const fourth = person({ token: await token(), storage }); // of a sign-in elsewhere: it is kept, too
  await fourth.profile();
  const fifth = person({ storage });
  await fifth.profile();
  expect(fifth.user?.id).toBe(fourth.user?.id);
});

test("one socket at a time, and none keeps a handler when it is gone", async () => {
  const bad = await link();
  const { all, Socket } = counted();
  const client = person({ guest: "Mina", WebSocket: Socket }, bad.url);
  const room = client.room("lobby");
  await room.join();
  for (let i = 0; i < 30; i++) {
    bad.cut();
    await state(client, ({ phase }) => phase !== "connected");
    await live(client);
    const open = [...all].filter(({ readyState }) => readyState <= 1);
    expect(open.length).toBe(1);
    const left = [...all].filter(({ onmessage, onclose, onopen }) => onmessage || onclose || onopen);
    expect(left).toEqual(open);
  }
});

test("a dead connection is noticed by a send, without a close", async () => {
  const times = { ...TIMES };
  onTestFinished(() => void Object.assign(TIMES, times));
  TIMES.pong = 100;
  const bad = await link();
  const client = person({ guest: "Mina" }, bad.url);
  const room = await client.createRoom();
  await room.join();
  bad.judge = ({ connection }) => (connection === 1 ? "dead" : "pass");
  const { seq } = await room.send("from the tunnel");
  await until(room.store, (now) => now.seq >= seq);
  expect(texts(room)).toEqual(["from the tunnel"]);
  expect(bad.connections).toBe(2);
});

test("what the browser says is a reason to look whether the server lives", async () => {
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  vi.stubGlobal("document", page);
  const window = new EventTarget();
  for (const name of ["addEventListener", "removeEventListener"] as const)
    vi.stubGlobal(name, window[name].bind(window));
  const times = { ...TIMES };
  onTestFinished(() => {
    vi.unstubAllGlobals();
    Object.assign(TIMES, times);
  });
  Object.assign(TIMES, { quiet: 30_000, pong: 100 });
  const bad = await link();
  const client = person({ guest: "Mina" }, bad.url);
  client.on("state", () => {});
  for (const happens of [
    () => window.dispatchEvent(new Event("online")),
    () => window.dispatchEvent(new Event("offline")),
  ]) {
    await live(client);
    const dead = bad.connections;
    bad.judge = ({ connection }) => (connection === dead ? "dead" : "pass");
    happens();
    await state(client, ({ phase }) => phase !== "connected");
    await live(client);
    expect(bad.connections).toBe(dead + 1);
  }
  TIMES.quiet = 20;
  for (const happens of [
    () => window.dispatchEvent(new Event("pageshow")),
    () => page.dispatchEvent(new Event("visibilitychange")),
  ]) {
    await live(client);
    const dead = bad.connections;
    bad.judge = ({ connection }) => (connection === dead ? "dead" : "pass");
    await sleep(30); // as long as the page was hidden
    happens();
    await state(client, ({ phase }) => phase !== "connected");
    await live(client);
    expect(bad.connections).toBe(dead + 1);
  }
});

test("offline, it does not try; online, at once", async () => {
  const navigator = { onLine: true };
  vi.stubGlobal("navigator", navigator);
  const window = new EventTarget();
  for (const name of ["addEventListener", "removeEventListener"] as const)
    vi.stubGlobal(name, window[name].bind(window));
  onTestFinished(() => void vi.unstubAllGlobals());
  const bad = await link();
  const { all, Socket } = counted();
  class Elsewhere extends Socket {
    constructor() {
      super(bad.url); // a server on this machine needs no network, so it has another name
    }
  }
  const client = person({ guest: "Mina", WebSocket: Elsewhere }, "ws://chat.example/ws");
  client.on("state", () => {});
  await live(client);
  navigator.onLine = false;
  bad.cut();
  await state(client, ({ reason }) => reason === "offline");
  expect(client.state.retryAt).toBeUndefined();
  const tried = all.size;
  await sleep(100); // longer than any wait is here
  expect(all.size).toBe(tried);
  navigator.onLine = true;
  window.dispatchEvent(new Event("online"));
  await live(client);
  expect(all.size).toBe(tried + 1);
});

test("hello, joins and what is to be sent again go out in one flush", async () => {
  const bad = await link();
  const said: string[] = [];
  const client = person({ guest: "Mina", WebSocket: heard((frame) => said.push(frame.op)) }, bad.url);
  const rooms = await Promise.all([client.createRoom(), client.createRoom()]);
  await Promise.all(rooms.map((room) => room.join()));
  bad.cut();
  await state(client, ({ phase }) => phase !== "connected");
  const sent = rooms.map((room) => room.send("at once"));
  said.length = 0;
  let first: string[] | undefined;
  bad.judge = ({ up }) => {
    if (!up) first ??= [...said];
    return "pass";
  };
  await Promise.all(sent);
  expect(first).toEqual(["hello", "join", "join", "send", "send"]); // all written before anything was answered
});

test("who subscribes twice has one connection, and the last to go ends it a moment later", async () => {
  const { all, Socket } = counted();
  const client = person({ guest: "Mina", WebSocket: Socket });
  expect(all.size).toBe(0); // nobody uses it
  const { store } = client.room("lobby");
  store.subscribe(() => {})(); // as StrictMode mounts, unmounts,
  const stop = store.subscribe(() => {}); // and mounts again
  await live(client);
  expect(all.size).toBe(1);
  stop();
  await vi.waitFor(() => expect(client.state.reason).toBe("idle"));
  await client.room("lobby").join();
  expect(all.size).toBeGreaterThanOrEqual(2);
});

test("who reads events too slowly is told so once, and the store never lags", async () => {
  const core = new Feed(
    "r",
    () => () => {},
    () => {},
  );
  core.follow().catch(() => {});
  core.asking();
  core.joined({ room: { id: "r" }, role: "member", seq: 0, epoch: "e", read_seq: 0, reset: false, events: [] });
  const events = eventsOf(core, () => () => {});
  const event = (seq: number) => ({
    op: "event",
    room: "r",
    seq,
    id: `${seq}`,
    type: "message.sent",
    user: "u",
    name: "U",
    at: "",
    text: `${seq}`,
  });
  const first = events.next();
  core.event(event(1));
  expect((await first).value).toMatchObject({ type: "message.sent", text: "1" });
  for (let seq = 2; seq <= 10_010; seq++) core.event(event(seq));
  const second = await events.next();
  expect(second.value).toMatchObject({ type: "lagged", seq: 10_010, snapshot: { seq: 10_010 } });
  core.event(event(10_011));
  expect((await events.next()).value).toMatchObject({ type: "message.sent", seq: 10_011 });
  await events.return();
});

test(`${SENDS} sends in a row go in order, without a close`, { timeout: 20_000 + SENDS * 40 }, async () => {
  const bad = await link();
  const client = person({ guest: "Mina" }, bad.url);
  const room = await client.createRoom();
  await room.join();
  const all = await Promise.all(Array.from({ length: SENDS }, (_, i) => room.send(`m${i}`)));
  const seqs = all.map(({ seq }) => seq);
  expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  expect(new Set(seqs).size).toBe(SENDS);
  expect(bad.connections).toBe(1);
  await until(room.store, ({ seq }) => seq >= (seqs.at(-1) ?? 0));
  expect(texts(room).at(-1)).toBe(`m${SENDS - 1}`);
  expect(messages(room.store.getSnapshot()).length).toBeLessThanOrEqual(5_000);
});

test("a rate that is spent delays sends, and keeps their order, over one connection", { timeout: 60_000 }, async () => {
  const strict = await Server.start([], { MADANG_USER_RATE: "100", MADANG_USER_BURST: "5" });
  onTestFinished(() => strict.stop());
  const bad = await Link.to(strict.url);
  onTestFinished(() => bad.close());
  const client = person({ guest: "Mina" }, bad.url);
  const room = await client.createRoom();
  await room.join();
  const wanted = Array.from({ length: 60 }, (_, i) => `m${i}`);
  let refused = 0;
  client.on("error", () => {
    refused += 1;
  });
  const acks = await Promise.all(wanted.map((text) => room.send(text)));
  const seqs = acks.map(({ seq }) => seq);
  expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  const { messages: stored } = await room.history({ limit: 200 });
  expect(stored.map(({ text }) => text)).toEqual(wanted);
  expect(bad.connections).toBe(1);
  expect(refused).toBe(0);
});

test("what waits when the client is closed is told so, and nothing waits forever", async () => {
  const away = connect("ws://127.0.0.1:9", { guest: "Mina" });
  const room = away.room("lobby");
  const all = [room.send("a"), room.join(), away.profile(), room.react(1, "+")].map((promise) =>
    promise.catch(({ code }) => code),
  );
  const read: RoomEvent[] = [];
  const reading = (async () => {
    for await (const event of room.events()) read.push(event);
  })();
  await away.close();
  expect(await Promise.all(all)).toEqual(["closed", "closed", "closed", "closed"]);
  await reading;
  expect(read).toEqual([]);
  await expect(room.send("b")).rejects.toMatchObject({ code: "closed" });
});

test("text that cannot be sent is refused by itself, and harms nothing else", async () => {
  const client = person();
  const room = await client.createRoom();
  await room.join();
  const bad = ["\ud800", "x".repeat(70_000), "\u0000", "", "a".repeat(4_001)];
  const refused = await Promise.all(bad.map((text) => room.send(text).catch((error) => error.code)));
  expect(refused).toEqual(["bad_text", "too_big", "bad_text", "empty", "too_big"]);
  await room.send("\\ud800 spelt out");
  expect(client.state.phase).toBe("connected");
  for (const row of messages(room.store.getSnapshot())) if (row.state === "failed" && row.cid) room.discard(row.cid);
  expect(texts(room)).toEqual(["\\ud800 spelt out"]);
});
