// Renders a component again when a part of the document has changed.

import { useEffect, useReducer } from "preact/hooks";
import type { Part } from "./roots";

export function useChanges(part: Part): void {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const changed = () => again(undefined);
    part.observeDeep(changed);
    changed(); // it may have changed since it was rendered
    return () => part.unobserveDeep(changed);
  }, [part]);
}
