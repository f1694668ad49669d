// `for await` over a room's events, with a bound: who reads too slowly is told so once, and goes on with a snapshot.

import { eventOf } from "./copy.js";
import type { Feed } from "./feed.js";
import type { Answer, RoomEvent } from "./types.js";

const MOST_WAITING = 10_000;

export async function* eventsOf(
  feed: Feed,
  use: () => () => void,
  signal?: AbortSignal,
): AsyncGenerator<RoomEvent, void, undefined> {
  let waiting: Answer[] = [];
  let lagged = false;
  let over = signal?.aborted ?? false;
  let wake = () => {};
  const listener = (event: Answer | null) => {
    if (event === null) over = true;
    else if (lagged) return;
    else if (waiting.length < MOST_WAITING) waiting.push(event);
    else {
      lagged = true;
      waiting = [];
    }
    wake();
  };
  const stop = () => listener(null);
  const unuse = use();
  feed.listeners.add(listener);
  signal?.addEventListener("abort", stop);
  try {
    for (;;) {
      if (signal?.aborted) return;
      if (lagged) {
        lagged = false;
        yield { type: "lagged", seq: feed.seq, snapshot: feed.cell.getSnapshot() };
      } else if (waiting.length) {
        const batch = waiting;
        waiting = [];
        for (const event of batch) {
          if (signal?.aborted || lagged) break;
          yield event.type === "reset"
            ? { type: "reset", seq: event.seq, snapshot: feed.cell.getSnapshot() }
            : eventOf(event);
        }
      } else if (over) return;
      else {
        await new Promise<void>((done) => {
          wake = done;
        });
      }
    }
  } finally {
    feed.listeners.delete(listener);
    signal?.removeEventListener("abort", stop);
    unuse();
  }
}
