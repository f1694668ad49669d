// Has what was read reported, once the extras are there.

import type { Room } from "madang";
import { useEffect, useMemo } from "preact/hooks";
import { useExtras } from "../useExtras";
import type { Reading } from "./reading";

export interface ReadingHolder {
  /** The seq of the lowest row in view, 0 if there is none. */
  lowest: () => number;
  /** The highest seq that was reported. */
  sent: number;
  now: Reading | null;
}

export function useReading(room: Room, lowest: () => number): ReadingHolder {
  const held = useMemo<ReadingHolder>(() => ({ lowest, sent: 0, now: null }), [room]);
  held.lowest = lowest;
  const extras = useExtras();
  useEffect(() => {
    if (!extras) return;
    const reading = extras.readingOf(room, held);
    held.now = reading;
    return () => {
      held.now = null;
      reading.end();
    };
  }, [extras, held]);
  return held;
}
