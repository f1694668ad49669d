// A store of the SDK as a value of a component. Changes are taken once a frame: 200 messages a second are not 200 renders.
// A hidden page has no frames; there a timer does, so that what came unseen is known as such.

import type { Store } from "madang";
import { useEffect, useState } from "preact/hooks";

const HIDDEN_MS = 250;

export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState(store.getSnapshot);
  useEffect(() => {
    let frame = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const take = () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      frame = 0;
      timer = undefined;
      setValue(() => store.getSnapshot());
    };
    const later = () => {
      if (document.hidden) timer ??= setTimeout(take, HIDDEN_MS);
      else if (!frame) frame = requestAnimationFrame(take);
    };
    take();
    const end = store.subscribe(later);
    return () => {
      end();
      cancelAnimationFrame(frame);
      clearTimeout(timer);
    };
  }, [store]);
  return value;
}
