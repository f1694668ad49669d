// How far the reader has read: what was in view for half a second of a page that is visible and has the focus. Comes with the extras.

import type { Room } from "madang";
import type { ReadingHolder } from "./useReading";

const DWELL_MS = 500;

const isLookedAt = () => document.visibilityState === "visible" && document.hasFocus();

/** What watches how far was read. */
export interface Reading {
  /** Something moved, or came: look again at what is in view. */
  look(): void;
  /** All was read. */
  all(): void;
  /** Read nothing more until the room is opened again: something was marked unread. */
  pause(): void;
  end(): void;
}

/** Report what is read from now on. */
export function readingOf(room: Room, held: ReadingHolder): Reading {
  let paused = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const reading = {
    look() {
      if (timer !== undefined || paused || !isLookedAt()) return;
      const seen = held.lowest();
      if (seen <= Math.max(held.sent, room.store.getSnapshot().readSeq)) return;
      timer = setTimeout(() => {
        timer = undefined;
        const still = Math.min(seen, held.lowest());
        if (!paused && isLookedAt() && still > held.sent) {
          held.sent = still;
          room.read(still);
        }
        reading.look(); // what has come meanwhile
      }, DWELL_MS);
    },
    all() {
      paused = false;
      held.sent = Math.max(held.sent, room.store.getSnapshot().seq);
      room.read();
    },
    pause() {
      paused = true;
    },
    end() {
      clearTimeout(timer);
      timer = undefined;
      paused = true;
      document.removeEventListener("visibilitychange", reading.look);
      window.removeEventListener("focus", reading.look);
    },
  };
  document.addEventListener("visibilitychange", reading.look);
  window.addEventListener("focus", reading.look);
  reading.look();
  return reading;
}
