// Loads the extras once, for all rooms.

import { useEffect, useReducer } from "preact/hooks";

export type Extras = typeof import("./extras");

const AGAIN_MS = 2000;

let extras: Extras | null = null;
let loading = false;
const waiting = new Set<(again: number) => void>();

/** Return the extras, if they are there. */
export const extrasNow = (): Extras | null => extras;

function load(): void {
  if (loading || extras) return;
  loading = true;
  import("./extras").then(
    (loaded) => {
      extras = loaded;
      for (const render of waiting) render(0);
    },
    () => {
      loading = false;
      if (waiting.size) setTimeout(load, AGAIN_MS); // the network is away
    },
  );
}

/** Return the extras once they are wanted and there. */
export function useExtras(wanted = true): Extras | null {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    if (!wanted) return;
    if (extras) return again(0); // they came since this was rendered
    waiting.add(again);
    load();
    return () => {
      waiting.delete(again);
    };
  }, [wanted]);
  return wanted ? extras : null;
}
