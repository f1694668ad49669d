// People for tests: clients that end with their test, rooms of their own, and waiting for what a store shows.

import { inject, onTestFinished } from "vitest";
import {
  type Client,
  type ConnectOptions,
  connect,
  type Message,
  type Room,
  type RoomSnapshot,
  type Store,
} from "../src/index.js";

let rooms = 0;

export function freshRoom(): string {
  rooms += 1;
  return `r${process.pid}-${Date.now().toString(36)}-${rooms}`;
}

export function person(options: ConnectOptions = { guest: "Mina" }, url: string = inject("url")): Client {
  const client = connect(url, options);
  onTestFinished(() => client.close());
  return client;
}

/** Wait until a store shows what `is` looks for. */
export function until<T>(store: Store<T>, is: (value: T) => boolean, what = ""): Promise<T> {
  return new Promise((done, fail) => {
    const stop = store.subscribe(look);
    const timer = setTimeout(() => {
      stop();
      fail(new Error(`not seen: ${what || is}; last: ${JSON.stringify(store.getSnapshot()).slice(0, 2_000)}`));
    }, 15_000);
    function look() {
      const value = store.getSnapshot();
      if (!is(value)) return;
      clearTimeout(timer);
      queueMicrotask(() => stop());
      done(value);
    }
    look();
  });
}

/** Wait until the client is in such a state. */
export function state(client: Client, is: (state: Client["state"]) => boolean): Promise<void> {
  return new Promise((done) => {
    const stop = client.on("state", look);
    function look() {
      if (!is(client.state)) return;
      queueMicrotask(() => stop?.());
      done();
    }
    look();
  });
}

export const messages = (snapshot: RoomSnapshot): Message[] =>
  snapshot.items.filter((item): item is Message => item.kind === "message");

export const texts = (room: Room): string[] => messages(room.store.getSnapshot()).map(({ text }) => text);
