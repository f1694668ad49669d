// An outbox in IndexedDB, shared by the tabs of an origin. Each tab owns what it sends for as long as it holds a Web Lock of its
// own name; when that lock ends, with the tab, another tab that waits for it takes over what was left. Loaded when a client is made.

import { randomId } from "./ids.js";
import type { Outbox, QueuedSend } from "./types.js";

const NAME = "madang-outbox";
const STORE = "sends";

interface Kept extends QueuedSend {
  readonly scope: string;
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export class IndexedDBOutbox implements Outbox {
  readonly #scope: string;
  readonly #owner = randomId();
  readonly #abort = new AbortController();
  readonly #waited = new Set<string>();
  #db: Promise<IDBDatabase> | undefined;
  #channel: BroadcastChannel | undefined;

  constructor(scope: string) {
    this.#scope = scope;
  }

  async #store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
    this.#db ??= (() => {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: ["scope", "user", "cid"] });
      return done(request);
    })();
    return (await this.#db).transaction(STORE, mode).objectStore(STORE);
  }

  #range(user: string): IDBKeyRange {
    return IDBKeyRange.bound([this.#scope, user], [this.#scope, user, []]);
  }

  async #all(user: string): Promise<Kept[]> {
    const kept: Kept[] = await done((await this.#store("readonly")).getAll(this.#range(user)));
    return kept.sort((a, b) => a.order - b.order);
  }

  async put(send: QueuedSend): Promise<void> {
    await done((await this.#store("readwrite")).put({ ...send, scope: this.#scope, owner: this.#owner }));
  }

  async remove(user: string, cid: string): Promise<void> {
    await done((await this.#store("readwrite")).delete([this.#scope, user, cid]));
  }

  async clear(user: string): Promise<void> {
    await done((await this.#store("readwrite")).delete(this.#range(user)));
  }

  /** Hold the lock of this tab's name, until it is closed. */
  async #hold(): Promise<void> {
    await new Promise<void>((held) => {
      const { signal } = this.#abort;
      const closed = new Promise<void>((end) => signal.addEventListener("abort", () => end()));
      navigator.locks
        .request(NAME + this.#owner, () => {
          held();
          return closed;
        })
        .catch(() => held());
    });
  }

  async load(user: string): Promise<readonly QueuedSend[]> {
    if (!navigator.locks) return this.#take(user); // a tab that takes too much sends it again under its cid, which does no harm
    await this.#hold();
    const owners = new Set((await this.#all(user)).map(({ owner }) => owner));
    for (const owner of owners) {
      await navigator.locks.request(NAME + owner, { ifAvailable: true }, (lock) =>
        lock ? this.#take(user, owner) : null,
      );
    }
    return (await this.#all(user)).filter(({ owner }) => owner === this.#owner);
  }

  /** Make what an owner has left this tab's; without an owner, everything. */
  async #take(user: string, from?: string): Promise<QueuedSend[]> {
    const left = (await this.#all(user)).filter(({ owner }) => from === undefined || owner === from);
    for (const send of left) await this.put(send);
    return left;
  }

  adopt(user: string, fn: (sends: readonly QueuedSend[]) => void): void {
    if (!navigator.locks) return;
    const { signal } = this.#abort;
    const wait = (owner: string) => {
      if (owner === this.#owner || this.#waited.has(owner)) return;
      this.#waited.add(owner);
      this.#channel?.postMessage(this.#owner); // the newcomer does not know this tab yet
      navigator.locks.request(NAME + owner, { signal }, async () => fn(await this.#take(user, owner))).catch(() => {}); // closed
    };
    this.#channel = new BroadcastChannel(`${NAME}:${this.#scope}:${user}`);
    this.#channel.onmessage = ({ data }) => wait(data);
    this.#channel.postMessage(this.#owner);
    void this.#all(user).then((kept) => kept.forEach(({ owner }) => void wait(owner)));
  }

  close(): void {
    this.#abort.abort();
    this.#channel?.close();
    void this.#db?.then((db) => db.close());
  }
}
