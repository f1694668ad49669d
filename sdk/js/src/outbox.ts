// The outbox of browsers. What it does with IndexedDB comes in a file of its own, beside the first connection.

import type { Outbox } from "./types.js";

/** An outbox that outlives the page, for the server at `url`; undefined where there is no IndexedDB. */
export function indexedDBOutbox(url: string): Outbox | undefined {
  if (!globalThis.indexedDB) return undefined;
  let made: Promise<Required<Pick<Outbox, "adopt" | "close">> & Outbox> | undefined;
  const kept = () => {
    made ??= import("./indexeddb.js").then((parts) => {
      return new parts.IndexedDBOutbox(new URL(url).host);
    });
    made.catch(() => {
      made = undefined; // the network is away: the next send tries again, and this one is in memory
    });
    return made;
  };
  kept();
  return {
    maxSends: 500,
    maxBytes: 2_000_000,
    load: async (user) => (await kept()).load(user),
    put: async (send) => (await kept()).put(send),
    remove: async (user, cid) => (await kept()).remove(user, cid),
    clear: async (user) => (await kept()).clear(user),
    adopt: (user, fn) =>
      void kept().then(
        (outbox) => outbox.adopt(user, fn),
        () => {},
      ),
    close: () =>
      void made?.then(
        (outbox) => outbox.close(),
        () => {},
      ),
  };
}
