// A countdown of seconds, for slow mode.

import { useEffect, useState } from "preact/hooks";

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
