// The one line above the box: who is typing, how long slow mode still lasts, that there is no connection.

import type { RoomSnapshot } from "madang";
import { useMore } from "./words.more";

export interface StatesProps {
  snapshot: RoomSnapshot;
  offline: boolean;
  secondsLeft: number;
}

export function States({ snapshot, offline, secondsLeft }: StatesProps) {
  const words = useMore();
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
