// Parts of the page that come in a file of their own when they are first shown, so that a first visit does not wait for them.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

const AGAIN_MS = 2000;
const IDLE_MS = 2000;

/** Load something once the page has nothing else to do. What fails is loaded when it is asked for. */
export function idle(load: () => Promise<unknown>): void {
  const begin = () => void load().catch(() => undefined);
  if ("requestIdleCallback" in globalThis) requestIdleCallback(begin, { timeout: IDLE_MS });
  else setTimeout(begin, IDLE_MS);
}

export function later<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let Loaded: ComponentType<P> | null = null;
  return function Later(props: P) {
    const [, again] = useState(0);
    useEffect(() => {
      if (Loaded) return;
      let timer: ReturnType<typeof setTimeout> | undefined;
      let gone = false;
      const get = () =>
        load().then(
          (component) => {
            Loaded = component;
            if (!gone) again(1);
          },
          () => {
            if (!gone) timer = setTimeout(get, AGAIN_MS); // the network is away
          },
        );
      void get();
      return () => {
        gone = true;
        clearTimeout(timer);
      };
    }, []);
    return Loaded && <Loaded {...props} />;
  };
}
