// The one line above the box: who is typing, how long slow mode still lasts, that there is no connection.

import type { RoomSnapshot } from "madang";
import { useEffect, useState } from "preact/hooks";
import { useSpeech } from "./words";

/** Return how many seconds are left until a time, counting down; 0 when it is there. */
export function useSecondsLeft(until: number | null): number {
  const left = () => (until === null ? 0 : Math.max(0, Math.ceil((until - Date.now()) / 1000)));
  const [, tick] = useState(0);
  useEffect(() => {
    if (until === null || until <= Date.now()) return;
    let timer: ReturnType<typeof setTimeout>;
    const next = () => {
      tick((n) => n + 1);
      const rest = until - Date.now();
      if (rest > 0) timer = setTimeout(next, rest % 1000 || 1000);
    };
    timer = setTimeout(next, (until - Date.now()) % 1000 || 1000);
    return () => clearTimeout(timer);
  }, [until]);
  return left();
}

export interface StatesProps {
  snapshot: RoomSnapshot;
  offline: boolean;
  secondsLeft: number;
}

export function States({ snapshot, offline, secondsLeft }: StatesProps) {
  const { words } = useSpeech();
  const names = snapshot.typing.map((user) => user.name);
  const said = offline
    ? words.offline
    : secondsLeft > 0
      ? words.slow(secondsLeft)
      : names.length
        ? words.typing(names)
        : "";
  return (
    // A countdown is not read out every second: what is said to screen readers is its first value.
    <p class="states" role="status" aria-live={secondsLeft > 0 && !offline ? "off" : "polite"}>
      {said}
    </p>
  );
}
