// A panel beside the room: a column where there is room for one, over the room where there is not. Esc closes it.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { IconButton } from "../ui/button";
import { words } from "../words";
import { panel } from "./state";

export interface PanelProps {
  title: string;
  /** What has the focus first; left out, or not there: the button that closes it. */
  first?: string;
  children: ComponentChildren;
}

export function Panel({ title, first, children }: PanelProps) {
  const id = useId();
  const ref = useRef<HTMLElement>(null);
  const opener = useRef(document.activeElement as HTMLElement | null);

  useEffect(() => {
    const find = (what: string) => ref.current?.querySelector<HTMLElement>(what);
    ((first && find(first)) || find("button"))?.focus();
    return () => {
      // Whoever was in the panel goes on where they came from.
      const at = document.activeElement;
      if (at === null || at === document.body) opener.current?.focus();
    };
  }, []);

  return (
    <aside
      ref={ref}
      class="panel"
      aria-labelledby={id}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
        event.preventDefault();
        panel.value = null;
      }}
    >
      <div class="panel-head">
        <h2 id={id} class="cut grow">
          {title}
        </h2>
        <IconButton
          label={words.value.close}
          icon="close"
          onClick={() => {
            panel.value = null;
          }}
        />
      </div>
      <div class="panel-body">{children}</div>
    </aside>
  );
}
